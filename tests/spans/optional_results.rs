//! Results that only some spans have: present in the end event if they were recorded, and absent otherwise.

use std::future::ready;

use crate::support::*;
use allm_telemetry::{
    Record, SpanName, Usage,
    convention::Convention,
    event::{Metadata, OwnedEvent, Phase},
    prelude::*,
    span,
    testing::Capture,
};

/// What the end of the span has of the key, in the measurements and in the metadata.
fn cost_of(stop: &OwnedEvent) -> (Option<f64>, Option<String>) {
    let stop = stop.as_event();
    let usd = stop.measurement("cost_usd").and_then(|usd| usd.as_f64());
    (usd, stop.metadata("cost_source").map(|source| source.to_string()))
}

/// The attributes of the end of the span in the default convention that contain `part`.
fn attributes(stop: &OwnedEvent, part: &str) -> Vec<String> {
    let mut found = Vec::new();
    Convention::new().end_attributes(&stop.as_event(), |key, value| {
        if key.contains(part) {
            found.push(format!("{key} = {value}"));
        }
    });
    found
}

#[tokio::test]
async fn the_providers_request_id_is_a_key_of_the_end_if_it_is_known() {
    let capture = Capture::new();
    for id in ["req_011", ""] {
        let span = Span::embed(1).observe(|id: &&str, record| record.provider_request_id(*id));
        capture.scope(ready(id).in_span_infallible(span)).await;
    }
    let [known, unknown] = &*capture.named("allm.embed.stop") else { panic!("two ends") };
    assert_eq!(text(known, "provider_request_id"), "req_011");
    assert_eq!(attributes(known, "provider_request_id"), ["allm.provider_request_id = req_011"]);
    assert_eq!(unknown.as_event().metadata("provider_request_id"), None);
}

#[tokio::test]
async fn a_cost_is_a_measurement_of_the_catalogue_with_its_source() {
    let by_method = |record: &mut Record<'_>| record.cost_usd(0.0123);
    let by_key = |record: &mut Record<'_>| record.measurement("cost_usd", 0.0123);
    for record_cost in [by_method, by_key] {
        let capture = Capture::new();
        let span = Span::generate().observe(|(): &(), record| record_cost(record));
        capture.scope(ready(()).in_span_infallible(span)).await;
        let stop = end_of(&capture, SpanName::Generate);
        assert_eq!(cost_of(&stop), (Some(0.0123), Some("reported".into())));
        assert!(stop.as_event().measurements().all(|entry| !entry.from_user));
        let expected = ["allm.cost_usd = 0.0123", "allm.cost_source = reported", "llm.cost.total = 0.0123"];
        let mut exported = attributes(&stop, "cost");
        exported.sort();
        assert!(expected.iter().all(|line| exported.contains(&(*line).into())), "{exported:?}");
        assert_eq!(exported.len(), 3, "{exported:?}");
    }
    let capture = Capture::new();
    let work = async { ((), [("cost_usd", 0.5)], Metadata::new()) };
    capture.scope(span(SpanName::Image, Metadata::new(), work)).await;
    assert_eq!(cost_of(&end_of(&capture, SpanName::Image)), (Some(0.5), Some("reported".into())));
}

#[tokio::test]
async fn what_is_no_price_is_no_cost_and_the_last_price_holds() {
    let costs: [(&[f64], Option<f64>); 6] = [
        (&[], None),
        (&[f64::NAN], None),
        (&[f64::INFINITY], None),
        (&[-0.01], None),
        (&[0.0], Some(0.0)),
        (&[0.01, 0.03, f64::NAN], Some(0.03)),
    ];
    for (recorded, expected) in costs {
        let capture = Capture::new();
        let span = Span::generate().on_end(|record| recorded.iter().for_each(|usd| record.cost_usd(*usd)));
        capture.scope(ready(()).in_span_infallible(span)).await;
        let stop = end_of(&capture, SpanName::Generate);
        assert_eq!(cost_of(&stop), (expected, expected.map(|_| "reported".into())), "{recorded:?}");
        assert_eq!(attributes(&stop, "cost").len(), if expected.is_some() { 3 } else { 0 }, "{recorded:?}");
    }
}

#[tokio::test]
async fn a_cost_in_the_usage_is_the_cost_of_the_call_unless_one_is_recorded() {
    for (recorded, expected) in [(None, 0.02), (Some(0.5), 0.5)] {
        let capture = Capture::new();
        let span = Span::generate().observe(|(): &(), record| {
            recorded.into_iter().for_each(|usd| record.cost_usd(usd));
            record.usage(Usage::new().output(7).cost(0.02));
        });
        capture.scope(ready(()).in_span_infallible(span)).await;
        let stop = end_of(&capture, SpanName::Generate);
        assert_eq!(cost_of(&stop), (Some(expected), Some("reported".into())));
        assert!(stop.as_event().counts_cost());
    }
}

/// Runs one span inside another, each recording tokens, a cost or both.
fn nested(outer: (fn() -> Span, &str), inner: (fn() -> Span, &str)) -> Vec<OwnedEvent> {
    let record = |what: &str, record: &mut Record<'_>| {
        if what.contains("tokens") {
            record.usage(Usage::new().output(7));
        }
        if what.contains("cost") {
            record.cost_usd(0.5);
        }
    };
    let capture = Capture::new();
    capture.run(|| {
        let mut around = outer.0().start();
        around.enter(|| {
            let mut inside = inner.0().start();
            inside.record(|it| record(inner.1, it));
            inside.complete();
        });
        around.record(|it| record(outer.1, it));
        around.complete();
    });
    let mut ends = capture.events();
    ends.retain(|event| event.as_event().phase() == Some(Phase::Stop));
    ends
}

#[test]
fn a_cost_is_counted_once_by_the_rule_of_the_tokens_and_apart_from_them() {
    // The spans, what each records, and what is counted: tokens and costs of the inner one, then of the outer one.
    type Built = fn() -> Span;
    let cases: [(Built, &str, Built, &str, &str); 6] = [
        (Span::generate, "tokens cost", Span::stream, "tokens cost", "inner tokens, inner cost"),
        (Span::generate, "tokens cost", Span::stream, "tokens", "inner tokens, outer cost"),
        (Span::generate, "tokens", Span::stream, "cost", "inner cost, outer tokens"),
        (Span::generate, "cost", || Span::embed(1), "cost", "inner cost, outer cost"),
        (Span::chat, "tokens cost", Span::generate, "cost", "inner cost, outer tokens"),
        (Span::chat, "cost", Span::generate, "tokens", "inner tokens, outer cost"),
    ];
    for (outer, of_outer, inner, of_inner, expected) in cases {
        let case = format!("{of_outer} around {of_inner}: {expected}");
        let ends = nested((outer, of_outer), (inner, of_inner));
        let mut counted = Vec::new();
        for (end, which) in ends.iter().zip(["inner", "outer"]) {
            let event = end.as_event();
            counted.extend(event.counts_usage().then(|| format!("{which} tokens")));
            counted.extend(event.counts_cost().then(|| format!("{which} cost")));
            assert_eq!(attributes(end, "allm.cost_usd").len(), usize::from(event.counts_cost()), "{case}");
            assert_eq!(attributes(end, "llm.cost.total").len(), usize::from(event.counts_cost()), "{case}");
        }
        assert_eq!(counted.join(", "), expected, "{case}");
    }
}
