//! What is measured of spans.

use std::collections::BTreeSet;

use allm_telemetry::{
    SpanName, Usage, adapter_retry,
    convention::{Convention, SpanKind},
    event::{Outcome, OwnedEvent},
    prelude::*,
};

use crate::shown::{OUTCOMES, ended, events, every_end};

/// Each measurement as `instrument value {labels}`, without the durations' values: those are the machine's.
pub(crate) fn measured(convention: &Convention, events: &[OwnedEvent]) -> Vec<String> {
    let mut lines = Vec::new();
    for event in events {
        convention.measure(&event.as_event(), |instrument, value, labels| {
            let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let value = if instrument.unit == "s" { String::new() } else { format!(" {value}") };
            lines.push(format!("{}{value} {{{}}}", instrument.name, labels.join(" ")));
        });
    }
    lines
}

const CALL: &str = "gen_ai.operation.name=chat gen_ai.provider.name=openai gen_ai.request.model=gpt-5 \
                    gen_ai.response.model=gpt-5-2026";

#[test]
fn a_call_of_a_model_has_a_duration_and_its_tokens_once_per_type() {
    let expected = [
        format!("gen_ai.client.operation.duration {{{CALL} allm.outcome=completed}}"),
        format!("gen_ai.client.token.usage 120 {{{CALL} gen_ai.token.type=input}}"),
        format!("gen_ai.client.token.usage 30 {{{CALL} gen_ai.token.type=output}}"),
    ];
    let events = ended(SpanName::Generate, Outcome::Completed);
    assert_eq!(measured(&Convention::new(), &events), expected);
}

#[test]
fn a_stream_has_its_first_chunk_too_and_is_counted_when_it_is_dropped() {
    let lines = measured(&Convention::new(), &ended(SpanName::Stream, Outcome::Dropped));
    let expected = [
        format!("gen_ai.client.operation.duration {{{CALL} allm.outcome=dropped}}"),
        format!("gen_ai.client.operation.time_to_first_chunk {{{CALL}}}"),
        "allm.stream.dropped 1 {allm.span=stream gen_ai.provider.name=openai gen_ai.request.model=gpt-5}"
            .into(),
    ];
    assert_eq!(without_tokens(lines), expected);
}

fn without_tokens(mut lines: Vec<String>) -> Vec<String> {
    lines.retain(|line| !line.starts_with("gen_ai.client.token.usage"));
    lines
}

#[test]
fn a_tool_and_a_turn_of_an_agent_have_a_duration() {
    let convention = Convention::new();
    let tool = measured(&convention, &ended(SpanName::Tool, Outcome::Error));
    let labels =
        "gen_ai.operation.name=execute_tool gen_ai.tool.name=search error.type=timeout allm.outcome=error";
    assert_eq!(tool, [format!("gen_ai.execute_tool.duration {{{labels}}}")]);
    let chat = measured(&convention, &ended(SpanName::Chat, Outcome::Cancelled));
    let labels = "gen_ai.operation.name=invoke_agent gen_ai.agent.name=helper allm.outcome=cancelled";
    assert_eq!(without_tokens(chat), [format!("gen_ai.invoke_agent.duration {{{labels}}}")]);
    let step = measured(&convention, &ended(SpanName::Step, Outcome::Completed));
    assert_eq!(without_tokens(step), [""; 0]);
}

#[test]
fn a_turn_that_is_streamed_is_no_call_of_a_model() {
    let lines = without_tokens(measured(&Convention::new(), &ended(SpanName::Chat, Outcome::Dropped)));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("gen_ai.invoke_agent.duration"), "{lines:?}");
    assert!(lines[1].starts_with("allm.stream.dropped 1 {allm.span=chat"), "{lines:?}");
}

#[test]
fn every_end_of_a_span_with_a_duration_is_measured_with_its_outcome() {
    let convention = Convention::new();
    for (span, outcome) in every_end().filter(|(span, _)| *span != SpanName::Step) {
        let lines = measured(&convention, &ended(span, outcome));
        let durations: Vec<_> = lines.iter().filter(|line| line.contains(".duration")).collect();
        assert_eq!(durations.len(), 1, "{span} {outcome}: {lines:?}");
        assert!(durations[0].contains(&format!("allm.outcome={outcome}")), "{span}: {durations:?}");
        let is_error = matches!(outcome, Outcome::Error | Outcome::Panicked);
        assert_eq!(durations[0].contains("error.type="), is_error, "{span} {outcome}: {durations:?}");
        // Nothing inside it has counted tokens, so a turn of an agent counts its own.
        let counts = !matches!(span, SpanName::Tool | SpanName::Retrieve);
        assert_eq!(lines.iter().any(|line| line.contains("token.usage")), counts, "{span} {outcome}");
    }
}

#[test]
fn usage_that_is_unknown_is_not_measured() {
    let known_output = events(|| {
        let mut span = Span::generate().start();
        span.record(|record| record.usage(Usage::new().output(0_u64)));
        span.complete();
    });
    let lines = measured(&Convention::new(), &known_output);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[1].starts_with("gen_ai.client.token.usage 0 ") && lines[1].contains("type=output"),
        "{lines:?}"
    );
}

#[test]
fn a_retry_is_counted_by_provider_and_class() {
    let events = events(|| {
        let mut span = Span::generate().engine("rig").start();
        span.enter(|| {
            let mut notify = allm_telemetry::retry_notifier_with(|_: &&str| "rate_limited");
            notify(&"429", std::time::Duration::ZERO);
        });
        span.complete();
        adapter_retry(1, std::time::Duration::ZERO, "503");
    });
    let lines = measured(&Convention::new(), &events);
    let retries: Vec<_> = lines.iter().filter(|line| line.starts_with("allm.adapter.retries")).collect();
    let expected = [
        "allm.adapter.retries 1 {gen_ai.provider.name=rig allm.error_type=rate_limited}",
        "allm.adapter.retries 1 {gen_ai.provider.name=_OTHER allm.error_type=_OTHER}",
    ];
    assert_eq!(retries, expected);
}

#[test]
fn labels_are_bounded_and_never_a_request() {
    let convention = Convention::new().max_values(3);
    let mut lines = BTreeSet::new();
    for number in 0..50 {
        let events = events(|| {
            let text = |what: &str| format!("{what} {number}");
            let mut call = Span::generate().model(text("model")).provider(text("provider")).start();
            call.record(|record| record.response_model(text("answering")));
            call.error(text("class"), "");
            Span::tool(text("tool"), text("call")).start().complete();
            Span::chat().agent_name(text("agent")).start().complete();
        });
        let ids: Vec<_> = events.iter().map(|it| it.as_event().request_id().unwrap().to_owned()).collect();
        let said = measured(&convention, &events);
        assert!(ids.iter().all(|id| said.iter().all(|line| !line.contains(id))), "{said:?}");
        lines.extend(said);
    }
    // A call has a duration and is counted, as its usage is unknown; a tool and a chat have a duration.
    assert_eq!(lines.len(), 4 * (3 + 1), "{lines:?}");
    assert_eq!(convention.overflow_count(), 6 * 47);
}

#[test]
fn keys_of_ones_own_are_labels_only_when_named_and_bounded_too() {
    let run = |tenant: u32| {
        events(|| Span::step().metadata("tenant", tenant).start().complete())
            .into_iter()
            .chain(events(|| {
                Span::tool("t", "c").metadata("tenant", format!("acme {tenant}")).start().complete()
            }))
            .collect::<Vec<_>>()
    };
    let convention = Convention::new().labels(["tenant"]).max_values(2);
    let lines: BTreeSet<_> = (0..5).flat_map(|tenant| measured(&convention, &run(tenant))).collect();
    let tenants: Vec<_> = lines.iter().filter_map(|line| line.split("tenant=").nth(1)).collect();
    assert_eq!(tenants, ["_OTHER}", "acme 0}", "acme 1}"]);
    let policy = allm_telemetry::Policy::new().user_keys(["tenant"]);
    let without = measured(&Convention::new().policy(policy), &run(0));
    assert!(without.iter().all(|line| !line.contains("tenant")), "{without:?}");
}

#[test]
fn buckets_double_from_a_hundredth_of_a_second_and_tokens_go_by_fours() {
    let boundaries = |name: &str| {
        let convention = Convention::new();
        let found = convention.instruments().iter().find(|it| it.name == name).unwrap();
        found.boundaries().unwrap().to_vec()
    };
    let powers =
        |from: f64, by: f64, times: i32| (0..=times).map(|power| from * by.powi(power)).collect::<Vec<_>>();
    let close = |ours: &[f64], expected: &[f64]| {
        ours.len() == expected.len()
            && ours.iter().zip(expected).all(|(ours, it)| (ours - it).abs() <= it * 1e-12)
    };
    for name in [
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.operation.time_per_output_chunk",
        "gen_ai.execute_tool.duration",
    ] {
        assert!(close(&boundaries(name), &powers(0.01, 2.0, 13)), "{name}");
    }
    assert!(close(&boundaries("gen_ai.invoke_agent.duration"), &powers(0.1, 2.0, 12)));
    assert!(close(&boundaries("gen_ai.client.token.usage"), &powers(1.0, 4.0, 13)));
}

#[test]
fn the_gaps_between_chunks_are_asked_for_with_the_first() {
    let convention = Convention::new();
    for &span in SpanName::ALL {
        let gaps: Vec<_> = ended(span, OUTCOMES[1])
            .iter()
            .filter_map(|event| {
                let (instrument, labels) = convention.chunk_gaps(&event.as_event())?;
                Some((instrument.name.clone().into_owned(), labels.len()))
            })
            .collect();
        let is_client = convention.kind(span) == SpanKind::Client;
        let expected = [("gen_ai.client.operation.time_per_output_chunk".to_owned(), 3)];
        assert_eq!(gaps, expected[..usize::from(is_client)], "{span}");
    }
}
