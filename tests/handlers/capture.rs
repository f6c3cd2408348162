//! `testing::Capture`: what a test sees of its own scope, and of no other.

use std::time::Duration;

use crate::support::*;
use allm_telemetry::{
    SpanName, Telemetry, adapter_retry,
    event::{Clock, Outcome},
    handler::AttachError,
    prelude::*,
    testing::Capture,
};

async fn chat() {
    async {}.in_span_infallible(Span::step()).in_span_infallible(Span::chat()).await;
}

#[tokio::test]
async fn captures_that_run_side_by_side_do_not_see_each_other() {
    let captures: Vec<_> = (0..8).map(|_| Capture::new()).collect();
    futures::future::join_all(captures.iter().map(|capture| capture.scope(chat()))).await;
    chat().await;
    for capture in captures {
        assert_eq!(names(&capture), ["chat.start", "step.start", "step.stop", "chat.stop"]);
    }
}

#[tokio::test]
async fn it_keeps_retries_and_failures_too() {
    let capture = Capture::new();
    capture.telemetry().attach("bad", "allm.chat.stop", |_| panic!("bad")).unwrap();
    capture.run(|| adapter_retry(1, ms(5), "reset"));
    capture.scope(async {}.in_span_infallible(Span::chat())).await;
    assert_eq!(names(&capture)[0], "adapter.retry");
    assert!(names(&capture).contains(&"telemetry.handler.failure".into()));
}

#[tokio::test(start_paused = true)]
async fn it_waits_for_an_event_that_has_happened_or_will() {
    let capture = Capture::new();
    let task = tokio::spawn(capture.scope(async { (pause(500).await, chat().await) }));
    let stop = capture.wait_for("allm.chat.stop", Duration::from_secs(60)).await.unwrap();
    assert_eq!(text(&stop, "outcome"), "completed");
    task.await.unwrap();
    assert!(capture.wait_for("allm.step.stop", Duration::ZERO).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn waiting_in_vain_ends_with_the_deadline_and_tells_what_was_seen() {
    let capture = Capture::new();
    capture.scope(async {}.in_span_infallible(Span::chat())).await;
    let begun = tokio::time::Instant::now();
    let error = capture.wait_for("allm.tool.stop", ms(700)).await.unwrap_err().to_string();
    assert_eq!(begun.elapsed(), ms(700));
    for told in ["allm.tool.stop", "700ms", "allm.chat.start", "allm.chat.stop"] {
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test]
async fn a_span_that_has_not_ended_is_not_balanced() {
    let capture = Capture::new();
    let active = capture.run(|| Span::chat().start());
    let text = panic_text(|| capture.assert_balanced());
    assert!(text.contains("chat") && text.contains("started 1 times, ended 0 times"), "{text}");
    active.complete();
    capture.assert_balanced();
}

#[tokio::test]
async fn a_capture_that_saw_no_span_is_not_balanced() {
    let capture = Capture::new();
    chat().await;
    let text = panic_text(|| capture.assert_balanced());
    assert!(text.contains("no span was captured"), "{text}");
}

#[tokio::test]
async fn an_outcome_is_asserted_for_all_spans_of_a_name_and_for_at_least_one() {
    let capture = Capture::new();
    let text = panic_text(|| capture.assert_outcome(SpanName::Chat, Outcome::Completed));
    assert_eq!(text, "expected every chat span to end as completed, but none has ended");
    capture.scope(chat()).await;
    capture.assert_outcome(SpanName::Chat, Outcome::Completed);
    capture.run(|| Span::chat().start().cancel());
    let text = panic_text(|| capture.assert_outcome(SpanName::Chat, Outcome::Completed));
    assert!(text.contains("1 of 2 did not:\nchat ") && text.ends_with(": cancelled"), "{text}");
}

#[tokio::test]
async fn a_span_that_ended_otherwise_is_named() {
    let capture = Capture::new();
    let failed = || async { Err::<(), _>(std::fmt::Error) };
    let _ = capture.scope(failed().in_span(Span::tool("search", "call_1").model("gpt-5"))).await;
    let _ = capture.scope(failed().in_span(Span::generate().model("gpt-5"))).await;
    for (span, about) in [(SpanName::Tool, "tool search "), (SpanName::Generate, "generate gpt-5 ")] {
        let text = panic_text(|| capture.assert_outcome(span, Outcome::Completed));
        let id = capture.named(&format!("allm.{span}.stop"))[0].as_event().span_id().unwrap();
        assert!(text.ends_with(&format!("\n{about}{id}: error fmt::Error")), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_none_is_quoted() {
    let error = Capture::new().wait_for("not a name", ms(5)).await.unwrap_err();
    assert_eq!(error.to_string(), "no \"not a name\" within 5ms; seen: []");
}

#[tokio::test]
async fn the_events_of_one_request_come_in_order() {
    let capture = Capture::new();
    let (first, second) = ("first".parse().unwrap(), "second".parse().unwrap());
    let both = async {
        let first =
            async { tokio::task::yield_now().await }.in_span_infallible(Span::chat().request_id(first));
        tokio::join!(first, async {}.in_span_infallible(Span::step().request_id(second)))
    };
    capture.scope(both).await;
    assert_eq!(names(&capture), ["chat.start", "step.start", "step.stop", "chat.stop"]);
    let first: Vec<_> =
        capture.of_request("first").iter().map(|it| it.as_event().name().to_string()).collect();
    assert_eq!(first, ["allm.chat.start", "allm.chat.stop"]);
}

#[tokio::test]
async fn a_capture_can_sit_on_a_handle_of_ones_own_once() {
    struct Noon;
    impl Clock for Noon {
        fn monotonic(&self) -> u64 {
            7
        }
        fn system(&self, _: u64) -> u64 {
            12
        }
    }
    let telemetry = Telemetry::with_clock(Noon);
    let capture = Capture::on(telemetry.clone()).unwrap();
    assert!(matches!(Capture::on(telemetry.clone()), Err(AttachError::AlreadyExists { .. })));
    telemetry.scope(chat()).await;
    let start = &capture.named("allm.chat.start")[0];
    assert_eq!((measurement(start, "system_time"), measurement(start, "monotonic_time")), (12, 7));
}

#[tokio::test]
async fn a_capture_reaches_tasks_that_are_spawned_with_context() {
    let capture = Capture::new();
    capture.scope(async { allm_telemetry::spawn(chat()).await.unwrap() }).await;
    assert_eq!(capture.events().len(), 4);
    assert!(format!("{capture:?}").contains("allm.chat.stop completed"), "{capture:?}");
}
