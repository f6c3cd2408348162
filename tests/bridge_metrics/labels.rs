//! What stands in labels: few values, and nothing private.

use std::collections::BTreeSet;
use std::time::Duration;

use allm_telemetry::{Content, Policy, SpanName, adapter_retry, convention::Convention, prelude::*};

use crate::recorded::Recorded;
use crate::support::span_of;

const SECRET: &str = "hunter2";

/// Puts the secret everywhere where content may stand.
fn tell_all(recorded: &Recorded) {
    // Another handler may have it all, so all of it is made.
    let names = SpanName::ALL.iter().flat_map(|span| span.events());
    recorded.telemetry.attach_many("all", names, |_: &Event<'_>| {}).unwrap();
    recorded.telemetry.run(|| {
        for &name in SpanName::ALL {
            let span = || {
                let span = span_of(name).input(|| SECRET).metadata("tenant", SECRET);
                let mut span = span.conversation_id(SECRET).stop_sequences([SECRET]).start();
                span.enter(|| adapter_retry(1, Duration::ZERO, SECRET));
                span.record(|record| {
                    record.output(|| SECRET);
                    record.result(|| SECRET);
                    record.metadata("note", SECRET);
                    record.response_id(SECRET);
                });
                span.chunk(|record| record.push_output(|| SECRET));
                span.chunk(|_| {});
                span
            };
            span().complete();
            span().error("denied", SECRET);
            span().cancel();
            drop(span());
            let panics =
                std::panic::AssertUnwindSafe(|| span().enter(|| std::panic::resume_unwind(Box::new(SECRET))));
            std::panic::catch_unwind::<_, ()>(panics).unwrap_err();
        }
    });
}

#[test]
fn no_content_and_no_key_of_ones_own_becomes_a_label_whatever_the_policy() {
    let all = Policy::new().content_unredacted(Content::ALL).user_keys(["tenant", "note"]);
    for policy in [Policy::new(), all] {
        let recorded = Recorded::with(Convention::new().policy(policy));
        tell_all(&recorded);
        let text = recorded.now().join("\n");
        for seen in ["allm.outcome=completed", "denied", "panic", "dropped", "retries", "output_chunk"] {
            assert!(text.contains(seen), "{seen}: {text}");
        }
        for kept in [SECRET, "tenant", "note"] {
            assert!(!text.contains(kept), "{kept}: {text}");
        }
    }
}

#[test]
fn a_request_is_never_a_label() {
    let recorded = Recorded::new();
    let mut lines = BTreeSet::new();
    for _ in 0..10 {
        recorded.telemetry.run(|| Span::tool("search", "call").start().error("timeout", ""));
        lines.extend(recorded.now().into_iter().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()));
    }
    assert_eq!(lines.len(), 1, "one series for all requests: {lines:?}");
}

#[test]
fn values_beyond_the_bound_are_one_series_and_counted() {
    let convention = Convention::new().max_values(5);
    let recorded = Recorded::with(convention.clone());
    recorded.telemetry.run(|| {
        for number in 0..100 {
            Span::tool(format!("tool {number}"), "call").start().complete();
        }
    });
    let series = recorded.of("gen_ai.execute_tool.duration.seconds");
    assert_eq!(series.len(), 6, "{series:?}");
    let others: Vec<_> = series.iter().filter(|line| line.contains("_OTHER")).collect();
    assert_eq!(others.len(), 1);
    assert_eq!(others[0].split_once("} ").unwrap().1.split(' ').count(), 95);
    assert_eq!(convention.overflow_count(), 95);
}

#[test]
fn keys_of_ones_own_are_labels_when_named() {
    let recorded = Recorded::with(Convention::new().labels(["tenant"]));
    recorded.telemetry.run(|| {
        let mut span = Span::tool("search", "call").metadata("plan", "free").start();
        span.record(|record| record.metadata("tenant", "acme"));
        span.complete();
        Span::tool("search", "call").start().complete();
    });
    let labels: Vec<_> =
        recorded.now().into_iter().map(|line| line.split_once('}').unwrap().0.to_owned()).collect();
    let tool = "gen_ai.execute_tool.duration.seconds {gen_ai.operation.name=execute_tool \
                gen_ai.tool.name=search allm.outcome=completed";
    assert_eq!(labels, [format!("{tool} tenant=acme"), tool.to_owned()]);
}

#[test]
fn a_declared_counter_is_a_gauge_that_grows_because_the_facade_counts_whole_numbers() {
    let recorded = Recorded::with(Convention::new().counter("gateway_fee", "USD").labels(["tenant"]));
    let call = |fee: f64| {
        let mut span = Span::generate().model("gpt-5").metadata("tenant", "acme").start();
        span.record(|record| record.measurement("gateway_fee", fee));
        span.complete();
    };
    recorded.telemetry.run(|| [0.25, 0.5].map(call));
    let labels =
        "{gen_ai.operation.name=chat gen_ai.provider.name=_OTHER gen_ai.request.model=gpt-5 tenant=acme}";
    assert_eq!(recorded.of("gateway_fee"), [format!("{labels} gauge 0.75")]);
}
