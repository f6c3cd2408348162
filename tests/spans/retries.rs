//! Retries: told before the wait, and counted into the span that has `attempts`.

use std::time::Duration;

use crate::support::*;
use allm_telemetry::{
    SpanName, adapter_retry,
    event::{Outcome, OwnedEvent, Value},
    prelude::*,
    retry_notifier, retry_notifier_with,
    testing::Capture,
};
use backon::{ConstantBuilder, Retryable as _};
use futures::{StreamExt as _, stream};

fn attempts(stop: &OwnedEvent) -> Value {
    value(stop, "attempts")
}

#[tokio::test]
async fn a_call_that_was_not_retried_was_tried_once() {
    let capture = Capture::new();
    capture.scope(async {}.in_span_infallible(Span::generate())).await;
    assert_eq!(attempts(&end_of(&capture, SpanName::Generate)), 1.into());
}

#[tokio::test]
async fn a_call_that_was_retried_and_succeeded_is_completed_and_counts_its_attempts() {
    let capture = Capture::new();
    let call = async {
        adapter_retry(1, ms(250), "429");
        adapter_retry(2, ms(500), "429");
        Answer::Ok(())
    };
    capture.scope(call.in_span(Span::generate())).await.unwrap();
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "outcome"), attempts(&stop)), ("completed".into(), 3.into()));
}

#[tokio::test]
async fn a_retry_tells_what_it_knows() {
    let capture = Capture::new();
    let span = Span::generate().engine("openai").model("gpt-5").provider("azure");
    capture
        .scope(async { adapter_retry(1, ms(250), "429 Too Many Requests") }.in_span_infallible(span))
        .await;
    let (retry, stop) = (&capture.named("allm.adapter.retry")[0], end_of(&capture, SpanName::Generate));
    let expected = [
        "attempt",
        "delay_ms",
        "reason",
        "error_type",
        "request_id",
        "span_id",
        "engine",
        "model",
        "provider",
    ];
    let told: Vec<_> = retry.as_event().metadata_entries().map(|entry| entry.key).collect();
    assert_eq!(told, expected);
    assert_eq!((value(retry, "attempt"), value(retry, "delay_ms")), (1.into(), 250.into()));
    assert_eq!(text(retry, "reason"), "429 Too Many Requests");
    assert_eq!((text(retry, "engine"), text(retry, "model")), ("openai".into(), "gpt-5".into()));
    assert_eq!((text(retry, "provider"), value(retry, "error_type")), ("azure".into(), Value::Null));
    assert_eq!(
        (text(retry, "request_id"), text(retry, "span_id")),
        (request_of(&stop), text(&stop, "span_id"))
    );
    let measured: Vec<_> = retry.as_event().measurements().map(|entry| entry.key).collect();
    assert_eq!(measured, ["system_time", "monotonic_time"]);
}

#[test]
fn a_retry_outside_every_span_has_all_keys_and_no_values() {
    let capture = Capture::new();
    capture.run(|| adapter_retry(1, ms(10), "reset"));
    let retry = &capture.named("allm.adapter.retry")[0];
    for key in ["request_id", "span_id", "engine", "model", "provider", "error_type"] {
        assert_eq!(value(retry, key), Value::Null, "{key}");
    }
}

#[tokio::test]
async fn a_retry_counts_on_the_nearest_enclosing_span_that_has_the_key() {
    let capture = Capture::new();
    let step = async { adapter_retry(1, ms(10), "reset") }.in_span_infallible(Span::step());
    let generate = step.in_span_infallible(Span::generate()).in_span_infallible(Span::step());
    capture
        .scope(generate.in_span_infallible(Span::image(allm_telemetry::event::ImageOperation::Edit, 1)))
        .await;
    assert_eq!(attempts(&end_of(&capture, SpanName::Generate)), 2.into());
    assert_eq!(attempts(&end_of(&capture, SpanName::Image)), 1.into());
}

#[tokio::test]
async fn a_retry_inside_a_tool_is_not_one_of_the_call_that_asked_for_the_tool() {
    let capture = Capture::new();
    let step = async { adapter_retry(1, ms(10), "reset") }.in_span_infallible(Span::step());
    let tool = step.in_span_infallible(Span::tool("fetch", "1"));
    capture.scope(tool.in_span_infallible(Span::generate())).await;
    assert_eq!(attempts(&end_of(&capture, SpanName::Generate)), 1.into());
    assert!(end_of(&capture, SpanName::Tool).as_event().metadata("attempts").is_none());
    assert_eq!(capture.named("allm.adapter.retry").len(), 1);
}

#[tokio::test]
async fn a_retry_on_another_task_counts_on_the_same_span() {
    let capture = Capture::new();
    let call = async {
        let tasks = (1..=8)
            .map(|attempt| allm_telemetry::spawn(async move { adapter_retry(attempt, ms(1), "reset") }));
        futures::future::join_all(tasks).await.len()
    };
    capture.scope(call.in_span_infallible(Span::generate())).await;
    assert_eq!(attempts(&end_of(&capture, SpanName::Generate)), 9.into());
}

#[tokio::test]
async fn a_stream_that_was_retried_while_it_opened_counts_its_attempts() {
    let capture = Capture::new();
    let opening = async {
        adapter_retry(1, ms(10), "reset");
        Answer::Ok(stream::iter([Answer::Ok(1)]))
    };
    capture.scope(Span::stream().open(opening)).await.unwrap().count().await;
    assert_eq!(attempts(&end_of(&capture, SpanName::Stream)), 2.into());
}

#[tokio::test]
async fn attempts_are_told_by_an_exception_too() {
    let capture = Capture::new();
    let call = async {
        adapter_retry(1, ms(10), "reset");
        std::future::pending::<()>().await;
    };
    let mut call = Box::pin(capture.scope(call.in_span_infallible(Span::embed(3))));
    assert!(poll_once(&mut call).is_pending());
    drop(call);
    assert_eq!(attempts(&end_of(&capture, SpanName::Embed)), 2.into());
}

/// Fails twice, then answers.
async fn flaky(calls: &std::cell::Cell<u8>) -> Answer<&'static str> {
    calls.set(calls.get() + 1);
    if calls.get() < 3 { Err(refused()) } else { Ok("an answer") }
}

fn backoff() -> ConstantBuilder {
    ConstantBuilder::default().with_delay(Duration::from_millis(40)).with_max_times(2)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_backon_retries_emits_its_retries() {
    let (capture, calls) = (Capture::new(), std::cell::Cell::new(0));
    let call = (|| flaky(&calls)).retry(backoff()).notify(retry_notifier());
    let answer = capture.scope(call.in_span(Span::generate())).await.unwrap();
    assert_eq!((answer, attempts(&end_of(&capture, SpanName::Generate))), ("an answer", 3.into()));
    capture.assert_outcome(SpanName::Generate, Outcome::Completed);
    let retries = capture.named("allm.adapter.retry");
    let told: Vec<_> = retries.iter().map(|it| (value(it, "attempt"), value(it, "delay_ms"))).collect();
    assert_eq!(told, [(1.into(), 40.into()), (2.into(), 40.into())]);
    assert_eq!(text(&retries[0], "error_type"), "io::Error");
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_is_no_retry() {
    let capture = Capture::new();
    let call = (|| async { Answer::<()>::Err(refused()) }).retry(backoff());
    let call = call.notify(retry_notifier_with(|_: &std::io::Error| "refused"));
    assert!(capture.scope(call.in_span(Span::generate())).await.is_err());
    let retries = capture.named("allm.adapter.retry");
    assert_eq!(retries.len(), 2);
    assert_eq!(text(&retries[1], "error_type"), "refused");
    assert_eq!(attempts(&end_of(&capture, SpanName::Generate)), 3.into());
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_told_before_the_wait() {
    let (capture, calls) = (Capture::new(), std::cell::Cell::new(0));
    let call = (|| flaky(&calls)).retry(backoff()).notify(retry_notifier());
    capture.scope(call.in_span(Span::generate())).await.unwrap();
    let start = measurement(
        &the(&capture, SpanName::Generate, allm_telemetry::event::Phase::Start),
        "monotonic_time",
    );
    let told =
        capture.named("allm.adapter.retry").iter().map(|it| measurement(it, "monotonic_time") - start).max();
    assert_eq!(told.map(|nanoseconds| nanoseconds / 1_000_000), Some(40));
}

#[tokio::test]
async fn a_reason_or_a_class_that_panics_never_reaches_the_call() {
    let capture = Capture::new();
    let call = async {
        retry_notifier_with(|_: &PanicsOnDisplay| -> &'static str { lost() })(&PanicsOnDisplay, ms(1));
    };
    capture.scope(call.in_span_infallible(Span::generate())).await;
    let retry = &capture.named("allm.adapter.retry")[0];
    assert_eq!((value(retry, "reason"), text(retry, "error_type")), (Value::Null, "_OTHER".into()));
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "outcome"), attempts(&stop)), ("completed".into(), 2.into()));
    assert_eq!(capture.named("telemetry.handler.failure").len(), 2);
}
