//! Results that only some spans have: present in the end event if they were recorded, and absent otherwise.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::*;
use allm_telemetry::{
    Record, SpanName, Telemetry, Usage,
    convention::Convention,
    event::{ChunkKind, Clock, Metadata, Outcome, OwnedEvent, Phase, Value},
    prelude::*,
    span,
    testing::Capture,
};
use futures::{FutureExt as _, StreamExt as _, stream};

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

#[tokio::test]
async fn a_choice_without_a_finish_reason_keeps_its_place_when_the_call_fails() {
    let capture = Capture::new();
    let items = stream::iter([Ok(()), Err(refused())]);
    let span = Span::stream().observe(|(): &(), record| record.finish_reason_of(1, "length"));
    capture.scope(async { items.in_span(span).count().await }).await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(value(&stop, "finish_reasons"), vec![Value::Null, "length".into()].into());
    assert_eq!(stop.as_event().outcome(), Some(Outcome::Error));
    // OpenTelemetry's attribute is a list of texts. Version 1.41 has what was recorded; the next one pads it with `error`.
    assert_eq!(attributes(&stop, "finish_reasons"), ["gen_ai.response.finish_reasons = [\"length\"]"]);
}

/// The times to the first answer and to the first reasoning, and to the first chunk, in milliseconds.
fn firsts(stop: &OwnedEvent) -> [Option<u64>; 3] {
    ["time_to_first_answer", "time_to_first_reasoning", "time_to_first_chunk"]
        .map(|key| Some(stop.as_event().measurement(key)?.as_u64()? / 1_000_000))
}

#[tokio::test(start_paused = true)]
async fn the_first_reasoning_and_the_first_answer_have_times_of_their_own() {
    use ChunkKind::{Answer, Reasoning, ToolCall};
    type Case = (&'static [(u64, &'static [ChunkKind])], [Option<u64>; 3]);
    let cases: [Case; 5] = [
        (&[(5, &[])], [None, None, Some(5)]),
        (&[(5, &[ToolCall])], [None, None, Some(5)]),
        (
            &[(5, &[Reasoning]), (7, &[Reasoning]), (0, &[Answer]), (9, &[Answer])],
            [Some(12), Some(5), Some(5)],
        ),
        (&[(5, &[]), (7, &[Answer, Reasoning])], [Some(12), Some(12), Some(5)]),
        (&[], [None, None, None]),
    ];
    for (chunks, expected) in cases {
        let capture = Capture::new();
        let span = Span::stream().observe(|kinds: &&[ChunkKind], record| {
            kinds.iter().for_each(|kind| record.chunk_kind(*kind));
        });
        capture.scope(async { paced(chunks.to_vec()).in_span_infallible(span).count().await }).await;
        let stop = end_of(&capture, SpanName::Stream);
        assert_eq!(firsts(&stop), expected, "{chunks:?}");
        assert!(stop.as_event().measurements().all(|entry| !entry.from_user), "{stop:?}");
        let expected = expected[0].map(|ms| format!("allm.time_to_first_answer = {}", ms as f64 / 1e3));
        assert_eq!(attributes(&stop, "first_answer"), Vec::from_iter(expected), "{chunks:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_chunk_with_content_has_a_kind() {
    let capture = Capture::new();
    let span = Span::stream().observe(|chunk: &&str, record| {
        record.chunk_kind(ChunkKind::Answer);
        if *chunk == "ping" {
            record.content_free();
        }
        record.measurement("time_to_first_answer", 1);
    });
    capture.scope(async { paced([(3, "ping"), (4, "text")]).in_span_infallible(span).count().await }).await;
    assert_eq!(firsts(&end_of(&capture, SpanName::Stream)), [Some(7), None, Some(7)]);
    let capture = Capture::new();
    let span = Span::generate().observe(|(): &(), record| record.chunk_kind(ChunkKind::Answer));
    capture.scope(ready(()).in_span_infallible(span)).await;
    assert_eq!(firsts(&end_of(&capture, SpanName::Generate)), [None; 3]);
}

/// Counts how often it is read.
#[derive(Clone, Default)]
struct CountingClock(Arc<AtomicU64>);

impl Clock for CountingClock {
    fn monotonic(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn system(&self, monotonic: u64) -> u64 {
        monotonic
    }
}

#[test]
fn the_clock_is_read_for_a_kind_only_when_it_is_the_first_of_its_kind() {
    let reads_of = |kinds: &[Option<ChunkKind>]| {
        let clock = CountingClock::default();
        let capture = Capture::on(Telemetry::with_clock(clock.clone())).unwrap();
        capture.run(|| {
            let span = Span::stream().observe(|kind: &Option<ChunkKind>, record| {
                kind.iter().for_each(|kind| record.chunk_kind(*kind));
            });
            let chunks = stream::iter(kinds.to_vec()).in_span_infallible(span);
            chunks.count().now_or_never().unwrap();
        });
        clock.0.load(Ordering::Relaxed)
    };
    let (answer, reasoning) = (Some(ChunkKind::Answer), Some(ChunkKind::Reasoning));
    let without = reads_of(&[None; 4]);
    assert_eq!(reads_of(&[answer; 4]), without, "the first chunk's time is that of its kind");
    assert_eq!(reads_of(&[reasoning, reasoning, answer, answer]), without + 1);
}

#[tokio::test]
async fn an_empty_text_or_none_replaces_nothing_and_is_nothing() {
    let results = ["response_model", "response_id", "finish_reasons"];
    for first in ["known", ""] {
        let record = |record: &mut Record<'_>, text: &str| {
            record.response_model(text);
            record.response_id(Some(text));
            record.finish_reason(text);
            record.response_model(None::<String>);
        };
        let capture = Capture::new();
        let span = Span::stream().observe(|chunk: &&str, it| record(it, chunk));
        capture.scope(async { stream::iter([first, ""]).in_span_infallible(span).count().await }).await;
        let extras = results.map(|key| (key, Value::from(first.to_owned())));
        let extras_with_list = [("finish_reasons", vec![first.to_owned(), String::new()].into())];
        let work = async { ((), extras.into_iter().chain(extras_with_list).collect::<Metadata>()) };
        capture.scope(allm_telemetry::span(SpanName::Generate, Metadata::new(), work)).await;
        let known = |value: Value| if first.is_empty() { Value::Null } else { value };
        let [one, two] = [SpanName::Stream, SpanName::Generate].map(|name| end_of(&capture, name));
        for stop in [&one, &two] {
            assert_eq!(value(stop, "response_model"), known("known".into()), "{stop:?}");
            assert_eq!(value(stop, "response_id"), known("known".into()), "{stop:?}");
        }
        assert_eq!(value(&one, "finish_reasons"), known(vec!["known"].into()));
        assert_eq!(value(&two, "finish_reasons"), known(vec!["known".into(), Value::Null].into()));
    }
}
