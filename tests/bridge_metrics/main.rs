//! What spans measure, on the `metrics` facade.

mod buckets;
mod drops;
mod installed_late;
mod labels;
#[cfg(feature = "prometheus")]
mod prometheus;
mod recorded;
mod recorders;
#[path = "../support/mod.rs"]
mod support;
mod usage;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use allm_telemetry::{SpanName, Usage, adapter_retry, event::Outcome, prelude::*, retry_notifier_with};
use futures::{FutureExt as _, StreamExt as _};
use recorded::Recorded;
use support::{Answer, lost, paced, pause, refused};

#[tokio::test(start_paused = true)]
async fn a_stream_is_measured_whole() {
    let recorded = Recorded::new();
    let span = Span::stream().engine("openai").model("gpt-5").on_end(|record| {
        record.usage(Usage::new().input(120_u64).output(30_u64));
        record.response_model("gpt-5-2026");
    });
    let chunks = paced([(250, Answer::Ok(1)), (40, Ok(2)), (0, Ok(3)), (160, Ok(4))]);
    recorded.telemetry.scope(async { chunks.in_span(span).count().await }).await;
    let asked = "gen_ai.operation.name=chat gen_ai.provider.name=openai gen_ai.request.model=gpt-5";
    let call = format!("{asked} gen_ai.response.model=gpt-5-2026");
    let expected = [
        format!("gen_ai.client.operation.duration.seconds {{{call} allm.outcome=completed}} 0.45"),
        format!("gen_ai.client.operation.time_per_output_chunk.seconds {{{asked}}} 0.04 0 0.16"),
        format!("gen_ai.client.operation.time_to_first_chunk.seconds {{{call}}} 0.25"),
        format!("gen_ai.client.token.usage {{{call} gen_ai.token.type=input}} 120"),
        format!("gen_ai.client.token.usage {{{call} gen_ai.token.type=output}} 30"),
    ];
    assert_eq!(recorded.now(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_an_agent_is_measured_with_its_tools_and_calls() {
    let recorded = Recorded::new();
    let turn = async {
        let call = async { pause(100).await };
        call.in_span_infallible(Span::generate().engine("rig")).await;
        async { pause(20).await }.in_span_infallible(Span::tool("search", "call_1")).await;
    };
    let turn = turn.in_span_infallible(Span::step()).in_span_infallible(Span::chat().agent_name("helper"));
    recorded.telemetry.scope(turn).await;
    let expected = [
        "allm.usage.unknown.total {gen_ai.provider.name=rig} 1",
        "gen_ai.client.operation.duration.seconds {gen_ai.operation.name=chat gen_ai.provider.name=rig allm.outcome=completed} 0.1",
        "gen_ai.execute_tool.duration.seconds {gen_ai.operation.name=execute_tool gen_ai.tool.name=search allm.outcome=completed} 0.02",
        "gen_ai.invoke_agent.duration.seconds {gen_ai.operation.name=invoke_agent gen_ai.agent.name=helper allm.outcome=completed} 0.12",
    ];
    assert_eq!(recorded.now(), expected);
}

/// Ends a call after 50 ms in this way.
async fn end(outcome: Outcome) {
    let span = || Span::generate().error_type(|_: &std::io::Error| "timeout");
    match outcome {
        Outcome::Completed => pause(50).in_span_infallible(Span::generate()).await,
        Outcome::Error => {
            let failing = async { pause(50).map(|()| Answer::<()>::Err(refused())).await };
            failing.in_span(span()).await.unwrap_err();
        }
        Outcome::Cancelled => {
            let slow = pause(90_000).in_span_infallible(Span::generate());
            tokio::time::timeout(Duration::from_millis(50), slow).await.unwrap_err();
        }
        Outcome::Panicked => {
            let panics = pause(50).map(|()| lost::<()>()).in_span_infallible(Span::generate());
            AssertUnwindSafe(panics).catch_unwind().await.unwrap_err();
        }
        _ => {
            let mut tokens = paced([(50, 1), (50, 2)]).in_span_infallible(Span::generate());
            tokens.next().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_failed_or_was_given_up_is_no_fast_success() {
    for (outcome, class) in [
        (Outcome::Completed, ""),
        (Outcome::Dropped, ""),
        (Outcome::Cancelled, ""),
        (Outcome::Error, "error.type=timeout "),
        (Outcome::Panicked, "error.type=panic "),
    ] {
        let recorded = Recorded::new();
        recorded.telemetry.scope(end(outcome)).await;
        let labels = "gen_ai.operation.name=chat gen_ai.provider.name=_OTHER";
        let expected = format!("{{{labels} {class}allm.outcome={outcome}}} 0.05");
        assert_eq!(recorded.of("gen_ai.client.operation.duration.seconds"), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_is_counted_with_what_it_was() {
    let recorded = Recorded::new();
    let work = async {
        for name in [SpanName::Stream, SpanName::Synthesize, SpanName::Step] {
            drop(paced([(0, 1)]).in_span_infallible(support::span_of(name).engine("rig").model("m")));
        }
        drop(paced([(0, 1)]).in_span_infallible(Span::stream().engine("rig").model("m")));
        paced([(0, 1)]).in_span_infallible(Span::stream()).count().await;
    };
    recorded.telemetry.scope(work).await;
    let expected = ["step", "stream", "synthesize"].map(|span| {
        let count = if span == "stream" { 2 } else { 1 };
        format!("{{allm.span={span} gen_ai.provider.name=rig gen_ai.request.model=m}} {count}")
    });
    assert_eq!(recorded.of("allm.stream.dropped.total"), expected);
}

#[tokio::test(start_paused = true)]
async fn retries_are_counted_by_provider_and_class_of_error() {
    let recorded = Recorded::new();
    let call = async {
        let mut notify =
            retry_notifier_with(|code: &u16| if *code == 429 { "rate_limited" } else { "server" });
        [429, 503, 429].iter().for_each(|code| notify(code, Duration::ZERO));
        adapter_retry(4, Duration::ZERO, "and one of no class");
    };
    recorded
        .telemetry
        .scope(call.in_span_infallible(Span::generate().engine("rig").provider("openai")))
        .await;
    let expected = [("_OTHER", 1), ("rate_limited", 2), ("server", 1)]
        .map(|(class, count)| format!("{{gen_ai.provider.name=openai allm.error_type={class}}} {count}"));
    assert_eq!(recorded.of("allm.adapter.retries.total"), expected);
}

#[tokio::test(start_paused = true)]
async fn a_chunks_wait_counts_from_the_second_chunk_with_content_on() {
    let recorded = Recorded::new();
    let span = || {
        Span::stream().observe(|chunk: &&str, record| {
            if chunk.is_empty() {
                record.content_free();
            }
        })
    };
    let waits = |chunks: Vec<(u64, &'static str)>| {
        recorded.telemetry.scope(async { paced(chunks).in_span_infallible(span()).count().await })
    };
    waits(vec![(100, ""), (50, "first"), (20, "second"), (10, "")]).await;
    let gaps = "gen_ai.client.operation.time_per_output_chunk.seconds";
    let labels = "{gen_ai.operation.name=chat gen_ai.provider.name=_OTHER}";
    // Not the chunk at the end, which is content-free.
    assert_eq!(recorded.of(gaps), [format!("{labels} 0.02")]);
    waits(vec![(100, ""), (50, "first")]).await;
    waits(vec![(100, "")]).await;
    waits(vec![]).await;
    assert_eq!(recorded.of(gaps), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_waits_for_its_request_counts_its_first_chunk_from_there() {
    let recorded = Recorded::new();
    let request = async {
        pause(200).await;
        Answer::Ok(paced([(100, Answer::Ok(1)), (30, Ok(2))]))
    };
    let work = async { Span::stream().open(request).await.unwrap().count().await };
    recorded.telemetry.scope(work).await;
    let labels = "{gen_ai.operation.name=chat gen_ai.provider.name=_OTHER}";
    let now = recorded.now();
    let ends = |name: &str| {
        let line = now.iter().find(|line| line.contains(name)).unwrap();
        line.split(labels).nth(1).map(str::to_owned)
    };
    assert_eq!(ends("time_to_first_chunk").as_deref(), Some(" 0.3"));
    assert_eq!(ends("time_per_output_chunk").as_deref(), Some(" 0.03"));
}
