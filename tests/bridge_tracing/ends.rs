//! How a span ends: with the outcome, once, on every path.

use std::future::pending;

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::{Telemetry, adapter_retry, event::Metadata, prelude::*};
use futures::{FutureExt as _, StreamExt as _, stream};

use crate::recorded;
use crate::recorder::{Fields, Recorder};
use crate::support::*;

fn get<'f>(fields: &'f Fields, key: &str) -> Option<&'f str> {
    fields.get(key).map(String::as_str)
}

/// Runs work that ends a generate span in some way; gives the span's fields.
fn ended(work: impl FnOnce(&Telemetry)) -> (Fields, Recorder) {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    work(&telemetry);
    assert_eq!(recorder.story().last().map(String::as_str), Some("close generate"));
    (recorder.the("generate"), recorder)
}

#[test]
fn dropped_and_cancelled_are_no_errors() {
    let (cancelled, _) = ended(|telemetry| {
        let waiting = telemetry.scope(pending::<()>().in_span_infallible(Span::generate()));
        assert!(waiting.now_or_never().is_none());
    });
    let (dropped, _) = ended(|telemetry| {
        let chunks = telemetry.run(|| stream::iter([1]).in_span_infallible(Span::generate()));
        drop(chunks);
    });
    for (fields, outcome) in [(cancelled, "cancelled"), (dropped, "dropped")] {
        assert_eq!(get(&fields, "allm.outcome"), Some(outcome));
        assert_eq!((get(&fields, "otel.status_code"), get(&fields, "error.type")), (None, None));
    }
}

#[test]
fn a_panic_is_an_error_and_an_event_with_its_stack_trace_and_goes_on() {
    let (fields, recorder) = ended(|telemetry| {
        let work = async { lost::<()>() }.in_span_infallible(Span::generate());
        assert_eq!(panic_text(|| telemetry.scope(work).now_or_never()), "lost");
    });
    assert_eq!(get(&fields, "allm.outcome"), Some("panicked"));
    assert_eq!(
        (get(&fields, "otel.status_code"), get(&fields, "error.type")),
        (Some("ERROR"), Some("panic"))
    );
    let exception = recorder.the("exception");
    assert_eq!(get(&exception, "exception.type"), Some("panic"));
    assert!(
        get(&exception, "exception.stacktrace").is_some() && get(&exception, "exception.message").is_none()
    );
    assert!(recorder.story().contains(&"event exception in generate".to_owned()));
}

#[test]
fn a_future_that_is_never_polled_says_nothing() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    drop(telemetry.run(|| pending::<()>().in_span_infallible(Span::generate())));
    assert_eq!(recorder.log(), [""; 0]);
}

#[tokio::test]
async fn a_bridge_that_is_detached_in_a_call_leaves_a_span_that_ends_unobserved() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let inner = async {
        telemetry.detach("tracing").unwrap();
        telemetry.attach("late", "allm.generate.stop", |_| {}).unwrap();
        tracing::info!("still inside");
        tokio::task::yield_now().await;
        tracing::info!("outside");
        async {}.in_span_infallible(Span::tool("t", "1")).await;
    };
    telemetry.scope(inner.in_span_infallible(Span::generate())).await;
    let expected = [
        "new generate in nothing",
        "event still inside in generate",
        "event outside in nothing",
        "close generate",
    ];
    assert_eq!(recorder.story(), expected);
    assert_eq!(get(&recorder.the("generate"), "allm.outcome"), Some("unobserved"));
}

#[tokio::test]
async fn a_bridge_that_is_attached_in_a_call_sees_what_begins_from_then_on() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    telemetry.detach("tracing").unwrap();
    telemetry.attach("first", "allm.chat.stop", |_| {}).unwrap();
    let chat = async {
        Tracing::new().attach("tracing", &telemetry).unwrap();
        async {}.in_span_infallible(Span::tool("t", "1")).await;
    };
    telemetry.scope(chat.in_span_infallible(Span::chat())).await;
    assert_eq!(recorder.story(), ["new tool in nothing", "close tool"]);
    assert_eq!(telemetry.ends_without_start("tracing"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn the_first_chunk_and_a_retry_are_events_in_the_span() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let call = async {
        adapter_retry(1, ms(250), "rate limited");
        Answer::Ok(paced([(40, Answer::Ok(1)), (0, Answer::Ok(2))]))
    };
    let opened = telemetry.run(|| Span::stream().open(call));
    assert_eq!(opened.await.unwrap().count().await, 2);
    let expected = [
        "new stream in nothing",
        "event allm.adapter.retry in stream",
        "event allm.stream.first_chunk in stream",
        "close stream",
    ];
    assert_eq!(recorder.story(), expected);
    let retry = recorder.the("allm.adapter.retry");
    assert_eq!((get(&retry, "allm.attempt"), get(&retry, "allm.delay")), (Some("1 i64"), Some("0.25 f64")));
    assert_eq!(get(&retry, "allm.reason"), None);
    assert_eq!(get(&recorder.the("allm.stream.first_chunk"), "allm.time_to_first_chunk"), Some("0.04 f64"));
    assert_eq!(get(&recorder.the("stream"), "allm.attempts"), Some("2 i64"));
}

#[test]
fn every_span_of_the_catalogue_has_a_name_a_kind_and_an_outcome() {
    for &name in SpanName::ALL {
        let (telemetry, recorder, _guard) = recorded(Tracing::new());
        telemetry.run(|| allm_telemetry::span_sync(name, Metadata::new(), || ((), Metadata::new())));
        let fields = recorder.the(name.as_str());
        assert!(matches!(get(&fields, "otel.kind"), Some("client" | "internal")), "{fields:?}");
        assert!(get(&fields, "otel.name").is_some() && get(&fields, "openinference.span.kind").is_some());
        assert_eq!(get(&fields, "allm.outcome"), Some("completed"));
    }
}
