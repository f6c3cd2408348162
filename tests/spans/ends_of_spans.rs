//! How spans end: `on_end`, an error closure that returns `None`, what is taken out of its span; and the text that they take.

use std::cell::Cell;
use std::future::pending;

use allm_telemetry::{SpanName, Usage, event::Value, observe::Failure, prelude::*, testing::Capture};
use futures::{FutureExt as _, StreamExt as _, stream};

use crate::support::*;

#[tokio::test]
async fn on_end_runs_however_a_future_ends_but_not_after_a_panic() {
    let (capture, runs) = (Capture::new(), Cell::new(0));
    let counting = || Span::chat().on_end(|_| runs.set(runs.get() + 1));
    capture.scope(async { Answer::Ok(4) }.in_span(counting())).await.unwrap();
    capture.scope(async { Answer::<u8>::Err(refused()) }.in_span(counting())).await.unwrap_err();
    capture.scope(pending::<u8>().in_span_infallible(counting())).now_or_never();
    assert_eq!(runs.get(), 3);
    let panics = async { std::panic::resume_unwind(Box::new("lost")) }.in_span_infallible(counting());
    let _ = std::panic::AssertUnwindSafe(capture.scope(panics)).catch_unwind().await;
    drop(capture.run(|| pending::<u8>().in_span_infallible(counting())));
    assert_eq!((runs.get(), capture.named("allm.chat.start").len()), (3, 4));
}

#[tokio::test]
async fn on_end_that_records_an_error_outweighs_a_cancellation() {
    let capture = Capture::new();
    let span = Span::chat().on_end(|record| record.error("timeout", "gave up"));
    capture.scope(pending::<u8>().in_span_infallible(span)).now_or_never();
    assert_eq!(text(&end_of(&capture, SpanName::Chat), "outcome"), "error");
}

#[tokio::test]
async fn on_end_runs_after_the_observers_of_the_value_and_reads_what_they_recorded() {
    let capture = Capture::new();
    let span = Span::generate()
        .on_end(|record| {
            let recorded = record.recorded();
            assert_eq!(recorded.usage(), Some(&Usage::new().output(4)));
            assert_eq!(
                (recorded.response_model(), recorded.response_id()),
                (Some("gpt-5-2025"), Some("resp_1"))
            );
            assert_eq!(recorded.finish_reasons(), ["stop".into()]);
            assert_eq!(recorded.measurement("images").unwrap().as_u64(), Some(2));
            assert_eq!(
                (recorded.metadata("cache"), recorded.error_type()),
                (Some(&"hit".into()), Some("late"))
            );
            record.metadata("read", true);
        })
        .observe(|tokens: &u64, record| {
            assert_eq!(record.recorded().usage(), None);
            record.usage(Usage::new().output(*tokens));
            record.response_model("gpt-5-2025");
            record.response_id("resp_1");
            record.finish_reason("stop");
            record.measurement("images", 2);
            record.metadata("cache", "hit");
            record.error("late", "too late");
        });
    capture.scope(async { Answer::Ok(4_u64) }.in_span(span)).await.unwrap();
    assert_eq!(value(&end_of(&capture, SpanName::Generate), "read"), true.into());
}

/// A client that ends a healthy stream with an `Err`.
#[derive(Debug, PartialEq)]
enum Broken {
    StreamEnded,
    Status(u16),
}

fn is_no_error_at_the_end(error: &Broken) -> Option<Failure> {
    match error {
        Broken::StreamEnded => None,
        Broken::Status(status) => Some(Failure::new("http", format!("status {status}"))),
    }
}

#[tokio::test]
async fn an_err_for_which_the_closure_returns_none_is_no_error() {
    for (last, outcome) in [(Broken::StreamEnded, "completed"), (Broken::Status(500), "error")] {
        let capture = Capture::new();
        let span = Span::stream().error_with(is_no_error_at_the_end);
        let items = stream::iter([Ok(1), Ok(2), Err(last)]);
        assert_eq!(capture.run(|| items.in_span(span)).count().await, 3);
        let stop = end_of(&capture, SpanName::Stream);
        assert_eq!((text(&stop, "outcome"), measurement(&stop, "chunk_count")), (outcome.into(), 2));
        let future = async { Err::<u8, _>(Broken::StreamEnded) };
        let span = Span::generate().error_with(|_: &Broken| None);
        assert_eq!(capture.scope(future.in_span(span)).await, Err(Broken::StreamEnded));
        assert_eq!(text(&end_of(&capture, SpanName::Generate), "outcome"), "completed");
    }
}

#[tokio::test]
async fn an_output_closure_on_a_stream_appends_pieces() {
    let capture = Capture::new();
    let span = || Span::stream().output(|chunk: &&'static str| *chunk);
    capture.run(|| stream::iter(["Hel", "lo"]).in_span_infallible(span())).count().await;
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "output"), "Hello");
    let pieces = capture.run(|| {
        stream::iter([None, Some("lo")])
            .in_span_infallible(Span::step().output(|piece: &Option<&'static str>| *piece))
    });
    pieces.count().await;
    assert_eq!(text(&end_of(&capture, SpanName::Step), "output"), "lo");
}

/// What a client that calls a model keeps, and lends to its spans and records.
struct Client {
    model: String,
    session: String,
}

impl Client {
    async fn ask(&self, engine: &'static str) -> Answer<u8> {
        let span = Span::generate().engine(engine).model(&self.model).conversation_id(self.session.as_str());
        let span = span.observe(|_: &u8, record| {
            record.response_model(&self.model);
            record.response_id(self.session.as_str());
            record.finish_reason(engine);
            record.error(engine, &self.session);
        });
        async { Answer::Ok(4) }.in_span(span).await
    }
}

#[tokio::test]
async fn a_span_and_a_record_take_borrowed_text() {
    let capture = Capture::new();
    let client = Client { model: "gpt-5".to_owned(), session: "s1".to_owned() };
    capture.scope(client.ask("mine")).await.unwrap();
    let stop = end_of(&capture, SpanName::Generate);
    let texts =
        ["engine", "model", "conversation_id", "response_model", "response_id", "error_type", "error"];
    let said = texts.map(|key| text(&stop, key));
    assert_eq!(said, ["mine", "gpt-5", "s1", "gpt-5", "s1", "mine", "s1"]);
    let call_id = String::from("call_1");
    capture.scope(async {}.in_span_infallible(Span::tool("search", &call_id))).await;
    assert_eq!(text(&end_of(&capture, SpanName::Tool), "tool_call_id"), "call_1");
}

#[tokio::test]
async fn an_empty_text_is_absent_and_wipes_nothing() {
    let capture = Capture::new();
    let span =
        Span::generate().model("gpt-5").model("").engine("").provider("").observe(|chunk: &&str, record| {
            record.response_model(*chunk);
            record.response_id(*chunk);
            record.finish_reason(*chunk);
        });
    capture.run(|| stream::iter(["stop", ""]).in_span_infallible(span)).count().await;
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "model"), value(&stop, "engine")), ("gpt-5".into(), Value::Null));
    assert!(stop.as_event().metadata("provider").is_none());
    assert_eq!((text(&stop, "response_model"), text(&stop, "response_id")), ("stop".into(), "stop".into()));
    assert_eq!(value(&stop, "finish_reasons"), vec!["stop"].into());
    capture.scope(async {}.in_span_infallible(Span::tool("search", ""))).await;
    assert_eq!(value(&end_of(&capture, SpanName::Tool), "tool_call_id"), Value::Null);
}

#[tokio::test]
async fn a_wrapped_future_lends_what_it_wraps_until_it_is_ready() {
    let capture = Capture::new();
    let mut wrapped = Box::pin(capture.run(|| std::future::ready(4).in_span_infallible(Span::chat())));
    assert!(wrapped.get_ref().is_some() && wrapped.get_mut().is_some());
    assert!(wrapped.as_mut().get_pin_mut().is_some());
    assert_eq!(wrapped.as_mut().now_or_never(), Some(4));
    assert!(wrapped.get_ref().is_none() && wrapped.as_mut().get_pin_mut().is_none());
}

#[tokio::test]
async fn a_future_that_is_taken_out_of_its_span_ends_it_as_cancelled_if_it_has_started() {
    let capture = Capture::new();
    let wrap = || capture.run(|| Box::pin(pending::<u8>()).in_span_infallible(Span::chat()));
    assert!(wrap().into_inner().is_some());
    assert!(capture.events().is_empty(), "it never started");
    let mut wrapped = wrap();
    assert!(poll_once(&mut wrapped).is_pending());
    assert!(wrapped.into_inner().is_some());
    assert_eq!(text(&end_of(&capture, SpanName::Chat), "outcome"), "cancelled");
}

#[tokio::test]
async fn a_stream_that_is_taken_out_of_its_span_ends_it_as_dropped_and_goes_on() {
    let capture = Capture::new();
    let mut wrapped = capture.run(|| stream::iter([1, 2]).in_span_infallible(Span::stream()));
    assert_eq!(wrapped.next().await, Some(1));
    assert!(wrapped.get_ref().is_some() && wrapped.get_mut().is_some());
    assert!(std::pin::Pin::new(&mut wrapped).get_pin_mut().is_some());
    let rest = wrapped.into_inner().unwrap();
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "outcome"), "dropped");
    assert_eq!(rest.collect::<Vec<_>>().await, [2]);
}

#[tokio::test]
async fn an_opening_that_is_taken_out_of_its_span_ends_it_as_cancelled() {
    let capture = Capture::new();
    let opening = pending::<stream::Empty<u8>>();
    let mut wrapped = capture.run(|| Span::stream().open_infallible(opening));
    assert!(poll_once(&mut wrapped).is_pending());
    assert!(wrapped.get_ref().is_some() && wrapped.get_mut().is_some());
    assert!(std::pin::Pin::new(&mut wrapped).get_pin_mut().is_some());
    assert!(wrapped.into_inner().is_some());
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "outcome"), "cancelled");
}
