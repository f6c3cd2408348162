//! The closure contract, its synchronous form, and spans that are driven by hand.
#![allow(clippy::async_yields_async, reason = "what is built here and awaited elsewhere is what is tested")]

use std::future::pending;
use std::panic::AssertUnwindSafe;

use crate::support::*;
use allm_telemetry::{
    Context, SpanName, Usage, current_request_id,
    event::{Metadata, OPTIONAL_END_KEYS, Outcome, Phase, Value},
    prelude::*,
    span, span_sync,
    testing::Capture,
};
use futures::FutureExt as _;

#[tokio::test]
async fn the_work_gives_its_result_and_extras() {
    let capture = Capture::new();
    let work = async { ("an answer", Metadata::new().with("response", "told").with("tier", "gold")) };
    assert_eq!(capture.scope(span(SpanName::Generate, [("model", "gpt-5")], work)).await, "an answer");
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "model"), text(&stop, "response")), ("gpt-5".into(), "told".into()));
    assert_eq!((text(&stop, "tier"), text(&stop, "outcome")), ("gold".into(), "completed".into()));
}

#[tokio::test]
async fn the_work_gives_its_result_measurements_and_extras() {
    let capture = Capture::new();
    let work = async { ((), [("image_count", 3), ("bytes", 512)], Metadata::new()) };
    capture.scope(span(SpanName::Image, Metadata::new(), work)).await;
    let stop = end_of(&capture, SpanName::Image);
    assert_eq!((measurement(&stop, "image_count"), measurement(&stop, "bytes")), (3, 512));
}

#[tokio::test(start_paused = true)]
async fn the_standard_measurements_cannot_be_overridden() {
    let capture = Capture::new();
    let work = async {
        pause(7).await;
        ((), [("duration", 1), ("monotonic_time", 1), ("chunk_count", 9)], Metadata::new())
    };
    capture.scope(span(SpanName::Chat, Metadata::new(), work)).await;
    let stop = end_of(&capture, SpanName::Chat);
    assert_eq!(millis(&stop, "duration"), 7);
    assert!(measurement(&stop, "monotonic_time") > 1 && stop.as_event().measurement("chunk_count").is_none());
    let all: Vec<_> = stop.as_event().measurements().map(|entry| entry.key).collect();
    assert_eq!(all, ["duration", "monotonic_time"]);
}

#[tokio::test]
async fn the_standard_keys_cannot_be_overridden() {
    let capture = Capture::new();
    let forged = || {
        let keys = ["span_id", "parent_span_id", "outcome", "kind", "reason", "stacktrace", "usage_status"];
        keys.map(|key| (key, "forged"))
    };
    capture.scope(span(SpanName::Chat, forged(), async move { ((), forged()) })).await;
    for event in capture.events() {
        let event = event.as_event();
        keys(&event);
        assert!(event.metadata_entries().all(|entry| entry.value.as_str() != Some("forged")), "{event:?}");
    }
}

#[tokio::test]
async fn the_extras_may_set_every_optional_end_key_and_nobody_else_a_key_of_that_name() {
    let optional = || OPTIONAL_END_KEYS.iter().map(|key| (*key, *key)).collect::<Metadata>();
    let forged = || OPTIONAL_END_KEYS.iter().map(|key| (*key, "forged")).collect::<Metadata>();
    for &name in SpanName::ALL {
        let capture = Capture::new();
        capture.scope(span(name, forged(), async { ((), optional()) })).await;
        let stop = end_of(&capture, name);
        for key in OPTIONAL_END_KEYS {
            let entries: Vec<_> =
                stop.as_event().metadata_entries().filter(|entry| entry.key == *key).collect();
            assert_eq!(entries.len(), 1, "{name}: {key}");
            assert_eq!((entries[0].value.as_str(), entries[0].from_user), (Some(*key), false), "{name}");
            assert_eq!(the(&capture, name, Phase::Start).as_event().metadata(key), None, "{name}: {key}");
        }
    }
}

#[tokio::test]
async fn extras_are_merged_over_the_start_metadata_and_not_into_it() {
    let capture = Capture::new();
    let start = Metadata::new().with("tenant", Metadata::from([("id", 1), ("zone", 2)])).with("kept", true);
    let work = async { ((), Metadata::new().with("tenant", Metadata::from([("id", 9)]))) };
    capture.scope(span(SpanName::Chat, start, work)).await;
    let stop = end_of(&capture, SpanName::Chat);
    assert_eq!(value(&stop, "tenant"), Metadata::from([("id", 9)]).into());
    assert_eq!(value(&stop, "kept"), true.into());
    assert_eq!(value(&the(&capture, SpanName::Chat, Phase::Start), "tenant"), {
        Metadata::from([("id", 1), ("zone", 2)]).into()
    });
}

#[tokio::test]
async fn the_response_of_a_stream_is_null_whatever_the_extras_say() {
    let capture = Capture::new();
    capture.scope(span(SpanName::Stream, Metadata::new(), async { ((), [("response", "text")]) })).await;
    assert_eq!(value(&end_of(&capture, SpanName::Stream), "response"), Value::Null);
}

#[tokio::test]
async fn the_result_is_opaque_and_an_error_is_what_the_extras_say() {
    let capture = Capture::new();
    let silent =
        span(SpanName::Chat, Metadata::new(), async { (Answer::<u8>::Err(refused()), Metadata::new()) });
    assert!(capture.scope(silent).await.is_err());
    capture.assert_outcome(SpanName::Chat, Outcome::Completed);
    let telling =
        span(SpanName::Step, Metadata::new(), async { ((), [("error", "refused"), ("error_type", "http")]) });
    capture.scope(telling).await;
    let stop = end_of(&capture, SpanName::Step);
    assert_eq!((text(&stop, "outcome"), text(&stop, "error")), ("error".into(), "refused".into()));
    assert_eq!(text(&stop, "error_type"), "http");
}

#[tokio::test]
async fn usage_in_the_extras_is_usage() {
    let capture = Capture::new();
    let usage = Usage::new().input(10).output(2);
    let work = async { ((), Metadata::new().with("usage", &usage).with("finish_reasons", vec!["stop"])) };
    capture.scope(span(SpanName::Generate, Metadata::new(), work)).await;
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!(stop.as_event().usage(), Some(&usage));
    assert_eq!(value(&stop, "finish_reasons"), vec!["stop"].into());
}

#[tokio::test]
async fn a_key_of_the_catalogue_in_the_extras_is_set_as_such() {
    let capture = Capture::new();
    let extras = Metadata::new().with("response_model", 5).with("response_id", 7).with("output", "told");
    capture
        .scope(span(SpanName::Generate, Metadata::new(), async { ((), extras.with("tier", "gold")) }))
        .await;
    let stop = end_of(&capture, SpanName::Generate);
    let of_the_user = stop.as_event().metadata_entries().filter(|entry| entry.from_user);
    assert_eq!(of_the_user.map(|entry| entry.key).collect::<Vec<_>>(), ["tier"]);
    assert_eq!((text(&stop, "response_model"), text(&stop, "response_id")), ("5".into(), "7".into()));
    assert_eq!(text(&stop, "output"), "told");
}

#[tokio::test]
async fn a_key_of_the_catalogue_in_the_start_metadata_is_set_as_such() {
    let capture = Capture::new();
    let start = Metadata::new().with("tool_name", "search").with("engine", "openai").with("temperature", 0.5);
    capture.scope(span(SpanName::Tool, start, async { ((), Metadata::new()) })).await;
    let start = the(&capture, SpanName::Tool, Phase::Start);
    assert_eq!((text(&start, "tool_name"), text(&start, "engine")), ("search".into(), "openai".into()));
    assert_eq!((value(&start, "tool_call_id"), value(&start, "temperature")), (Value::Null, 0.5.into()));
    assert!(start.as_event().metadata_entries().all(|entry| !entry.from_user), "{start:?}");
}

#[tokio::test]
async fn the_callers_request_id_in_the_start_metadata_wins() {
    let capture = Capture::new();
    let inner =
        span(SpanName::Step, [("request_id", "req-7")], async { (current_request_id(), Metadata::new()) });
    let seen = capture.scope(inner.in_span_infallible(Span::chat())).await;
    assert_eq!(seen.unwrap().as_str(), "req-7");
    assert_eq!(request_of(&end_of(&capture, SpanName::Step)), "req-7");
}

#[tokio::test]
async fn a_closure_that_panics_or_is_dropped_ends_as_any_future() {
    let capture = Capture::new();
    let panics = span::<_>(SpanName::Chat, Metadata::new(), async {
        if capture.events().len() == 1 {
            std::panic::resume_unwind(Box::new("lost"))
        }
        ((), Metadata::new())
    });
    assert!(AssertUnwindSafe(capture.scope(panics)).catch_unwind().await.is_err());
    capture.assert_outcome(SpanName::Chat, Outcome::Panicked);
    let cancelled = span(SpanName::Step, Metadata::new(), pending::<((), Metadata)>());
    assert!(capture.scope(cancelled).now_or_never().is_none());
    capture.assert_outcome(SpanName::Step, Outcome::Cancelled);
}

#[tokio::test]
async fn the_context_of_a_closure_is_captured_where_span_is_called() {
    let capture = Capture::new();
    let work = async { ((), Metadata::new()) };
    let step = capture
        .scope(async { span(SpanName::Step, Metadata::new(), work) }.in_span_infallible(Span::chat()))
        .await;
    tokio::spawn(step).await.unwrap();
    let (chat, step) = (end_of(&capture, SpanName::Chat), end_of(&capture, SpanName::Step));
    assert_eq!(step.as_event().parent_span_id(), chat.as_event().span_id());
}

#[test]
fn the_synchronous_form_needs_no_runtime() {
    let capture = Capture::new();
    let sum = capture.run(|| span_sync(SpanName::Tool, [("tool_name", "add")], || (2 + 2, [("result", 4)])));
    assert_eq!(sum, 4);
    let stop = end_of(&capture, SpanName::Tool);
    assert_eq!((text(&stop, "tool_name"), value(&stop, "result")), ("add".into(), 4.into()));
}

#[test]
fn the_synchronous_form_ends_as_panicked_when_its_work_panics() {
    let capture = Capture::new();
    let work = || -> ((), Metadata) { std::panic::resume_unwind(Box::new("lost")) };
    let told = panic_text(|| capture.run(|| span_sync(SpanName::Chat, Metadata::new(), work)));
    assert_eq!(told, "lost");
    let exception = end_of(&capture, SpanName::Chat);
    assert_eq!((text(&exception, "outcome"), text(&exception, "reason")), ("panicked".into(), "lost".into()));
}

#[test]
fn a_synchronous_span_nests_and_leaves_no_context_behind() {
    let capture = Capture::new();
    capture.run(|| {
        let inner = || span_sync(SpanName::Step, Metadata::new(), || (current_request_id(), Metadata::new()));
        let id = span_sync(SpanName::Chat, Metadata::new(), || (inner(), Metadata::new()));
        assert_eq!((id.unwrap().as_str().len(), current_request_id()), (22, None));
    });
    let (chat, step) = (end_of(&capture, SpanName::Chat), end_of(&capture, SpanName::Step));
    assert_eq!(step.as_event().parent_span_id(), chat.as_event().span_id());
    assert_eq!(request_of(&step), request_of(&chat));
}

#[tokio::test(start_paused = true)]
async fn a_span_by_hand_completes_with_what_was_recorded() {
    let capture = Capture::new();
    let mut active = capture.run(|| Span::generate().model("gpt-5").start());
    pause(15).await;
    active.record(|record| record.usage(Usage::new().output(9)));
    active.complete();
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "outcome"), millis(&stop, "duration")), ("completed".into(), 15));
    assert_eq!(stop.as_event().usage(), Some(&Usage::new().output(9)));
}

#[test]
fn a_span_by_hand_ends_as_it_is_told_to() {
    let capture = Capture::new();
    capture.run(|| Span::generate().start().error("http_500", "overloaded"));
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "outcome"), text(&stop, "error_type")), ("error".into(), "http_500".into()));
    assert_eq!(text(&stop, "error"), "overloaded");
    capture.run(|| Span::chat().start().cancel());
    capture.assert_outcome(SpanName::Chat, Outcome::Cancelled);
}

#[test]
fn a_stream_by_hand_that_is_cancelled_was_not_dropped_and_an_error_outweighs_both() {
    for (error, outcome, error_type) in [(false, "cancelled", "cancelled"), (true, "error", "http_500")] {
        let capture = Capture::new();
        let mut active = capture.run(|| Span::stream().start());
        active.chunk(|record| {
            if error {
                record.error("http_500", "overloaded");
            }
        });
        active.cancel();
        let end = end_of(&capture, SpanName::Stream);
        assert_eq!((text(&end, "outcome"), text(&end, "error_type")), (outcome.into(), error_type.into()));
    }
}

#[test]
fn a_span_by_hand_that_is_dropped_is_cancelled_and_a_stream_is_dropped() {
    let capture = Capture::new();
    capture.run(|| drop(Span::generate().start()));
    capture.assert_outcome(SpanName::Generate, Outcome::Cancelled);
    capture.run(|| drop(Span::stream().start()));
    capture.assert_outcome(SpanName::Stream, Outcome::Dropped);
    let mut speech = capture.run(|| Span::synthesize(5).start());
    speech.chunk(|_| {});
    drop(speech);
    capture.assert_outcome(SpanName::Synthesize, Outcome::Dropped);
    capture.assert_balanced();
}

#[test]
fn a_span_by_hand_that_is_dropped_while_the_thread_unwinds_is_panicked() {
    let capture = Capture::new();
    panic_text(|| {
        let _active = capture.run(|| Span::chat().start());
        std::panic::resume_unwind(Box::new("lost"));
    });
    let exception = end_of(&capture, SpanName::Chat);
    assert_eq!(text(&exception, "outcome"), "panicked");
    assert!(!text(&exception, "stacktrace").is_empty());
}

#[test]
fn work_that_panics_inside_a_span_by_hand_ends_it_once() {
    let capture = Capture::new();
    let mut active = capture.run(|| Span::chat().start());
    let told = panic_text(|| active.enter(|| std::panic::resume_unwind(Box::new("lost"))));
    assert_eq!(told, "lost");
    active.complete();
    assert_eq!(text(&end_of(&capture, SpanName::Chat), "reason"), "lost");
}

#[tokio::test(start_paused = true)]
async fn a_stream_by_hand_has_a_streams_measurements() {
    let capture = Capture::new();
    let mut active = capture.run(|| Span::stream().start());
    active.wait();
    pause(30).await;
    active.chunk(|record| record.push_output(|| "Hel"));
    pause(100).await;
    active.wait();
    pause(10).await;
    active.chunk(|record| record.push_output(|| "lo"));
    active.complete();
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((measurement(&stop, "chunk_count"), millis(&stop, "time_to_first_chunk")), (2, 30));
    assert_eq!((millis(&stop, "producer_wait"), millis(&stop, "longest_wait")), (40, 30));
    assert_eq!((millis(&stop, "consumer_time"), text(&stop, "output")), (100, "Hello".into()));
}

#[tokio::test(start_paused = true)]
async fn a_span_by_hand_that_waited_for_chunks_tells_how_long_though_none_came() {
    let capture = Capture::new();
    let mut speech = capture.run(|| Span::synthesize(5).start());
    speech.wait();
    pause(30).await;
    speech.complete();
    let stop = end_of(&capture, SpanName::Synthesize);
    assert_eq!((measurement(&stop, "chunk_count"), millis(&stop, "producer_wait")), (0, 30));
}

#[tokio::test]
async fn the_context_of_a_span_by_hand_can_be_entered_elsewhere() {
    let capture = Capture::new();
    let mut active = capture.run(|| Span::chat().start());
    let inside: Context = active.context();
    std::thread::spawn(move || {
        inside.run(|| span_sync(SpanName::Step, Metadata::new(), || ((), Metadata::new())))
    })
    .join()
    .unwrap();
    active.complete();
    let (chat, step) = (end_of(&capture, SpanName::Chat), end_of(&capture, SpanName::Step));
    assert_eq!(step.as_event().parent_span_id(), chat.as_event().span_id());
}

#[test]
fn a_span_by_hand_that_waited_is_a_streams_however_short_the_wait_was_and_however_it_ends() {
    let ends: [fn(allm_telemetry::observe::ActiveSpan); 3] =
        [|span| span.complete(), |span| span.error("class", "text"), drop];
    for (end, outcome) in ends.into_iter().zip(["completed", "error", "dropped"]) {
        let capture = Capture::on(allm_telemetry::Telemetry::with_clock(Stopped)).unwrap();
        let mut active = capture.run(|| Span::generate().start());
        active.wait();
        end(active);
        let stop = end_of(&capture, SpanName::Generate);
        assert_eq!((text(&stop, "outcome"), measurement(&stop, "chunk_count")), (outcome.into(), 0));
    }
}

/// A clock that stands still: no wait lasts.
struct Stopped;

impl allm_telemetry::event::Clock for Stopped {
    fn monotonic(&self) -> u64 {
        1
    }

    fn system(&self, _: u64) -> u64 {
        1
    }
}

#[test]
fn after_a_panic_in_a_span_by_hand_its_context_is_still_there() {
    let capture = Capture::new();
    let mut active = capture.run(|| Span::chat().start());
    let before = active.enter(allm_telemetry::current_request_id);
    panic_text(|| active.enter(lost::<()>));
    assert!(before.is_some());
    assert_eq!(active.enter(allm_telemetry::current_request_id), before);
    assert_eq!(active.context().request_id(), before);
}
