//! Finished answers: a stream that ends without its finish was cut off, and one that is left after it is complete.

use std::fmt;

use crate::support::*;
use allm_telemetry::{
    SpanName, Usage,
    event::{Outcome, OwnedEvent, Value},
    observe::{Classify, Failure, Observe},
    prelude::*,
    testing::Capture,
};
use futures::{Stream, StreamExt as _, stream};

/// The frames of a provider's stream.
#[derive(Clone, Copy)]
enum Frame {
    Text,
    /// The finish reason.
    Finish,
    Usage(u64),
    /// The finish reason and the usage.
    Last(u64),
}
use Frame::{Finish, Last, Text, Usage as Tokens};

/// A span whose observer knows the protocol.
fn reading(span: Span) -> Span<impl Observe<Frame> + Classify<std::io::Error>> {
    let span = span.expects_finish().error_type(|_: &std::io::Error| "refused");
    span.observe(|frame: &Frame, record| match *frame {
        Text => {}
        Finish => record.finished(),
        Tokens(output) => record.usage(Usage::new().output(output)),
        Last(output) => {
            record.usage(Usage::new().output(output));
            record.finished();
        }
    })
}

fn frames<const N: usize>(frames: [Frame; N]) -> impl Stream<Item = Answer<Frame>> + Unpin {
    stream::iter(frames.map(Ok))
}

/// Reads a number of items, then drops the stream.
async fn read<const N: usize>(items: [Frame; N], number: usize) -> OwnedEvent {
    let capture = Capture::new();
    let mut tokens = capture.run(|| frames(items).in_span(reading(Span::stream())));
    for _ in 0..number {
        tokens.next().await.unwrap().unwrap();
    }
    drop(tokens);
    end_of(&capture, SpanName::Stream)
}

/// Reads a stream to its end.
async fn read_all(items: impl Stream<Item = Answer<Frame>>) -> OwnedEvent {
    let capture = Capture::new();
    capture.run(|| items.in_span(reading(Span::stream()))).count().await;
    end_of(&capture, SpanName::Stream)
}

#[track_caller]
fn check(end: &OwnedEvent, outcome: Outcome, usage_status: &str) {
    assert_eq!(end.as_event().outcome(), Some(outcome));
    assert_eq!(text(end, "usage_status"), usage_status);
}

#[tokio::test]
async fn a_stream_that_ends_without_its_finish_was_truncated() {
    let end = read_all(frames([Text, Text])).await;
    check(&end, Outcome::Error, "unknown");
    assert_eq!(end.as_event().name().as_str(), "allm.stream.stop");
    assert_eq!(text(&end, "error_type"), "stream_truncated");
    assert_eq!(text(&end, "error"), "the stream ended before its answer was finished");
    // An early usage frame does not make the usage complete.
    check(&read_all(frames([Tokens(1), Text, Text])).await, Outcome::Error, "partial");
    check(&read_all(frames([])).await, Outcome::Error, "unknown");
}

#[tokio::test]
async fn a_stream_that_ends_after_its_finish_is_complete() {
    check(&read_all(frames([Text, Finish])).await, Outcome::Completed, "unknown");
    check(&read_all(frames([Tokens(1), Text, Finish])).await, Outcome::Completed, "reported");
    check(&read_all(frames([Text, Finish, Tokens(3)])).await, Outcome::Completed, "reported");
}

#[tokio::test]
async fn a_stream_that_is_left_after_its_finish_is_complete() {
    let end = read([Text, Finish, Tokens(3)], 2).await;
    check(&end, Outcome::Completed, "unknown");
    assert_eq!(end.as_event().name().as_str(), "allm.stream.stop");
    assert_eq!((value(&end, "error"), value(&end, "error_type")), (Value::Null, Value::Null));
}

#[tokio::test]
async fn usage_of_a_stream_that_is_left_after_its_finish_is_reported_if_it_came_with_the_finish_or_later() {
    // The last frame may have been left unread.
    check(&read([Tokens(1), Text, Finish, Tokens(3)], 3).await, Outcome::Completed, "partial");
    check(&read([Tokens(1), Text, Finish, Tokens(3)], 4).await, Outcome::Completed, "reported");
    check(&read([Text, Last(3), Text], 2).await, Outcome::Completed, "reported");
}

#[tokio::test]
async fn a_stream_that_is_left_before_its_finish_is_dropped() {
    check(&read([Text, Finish], 0).await, Outcome::Dropped, "unknown");
    check(&read([Tokens(1), Text, Finish], 2).await, Outcome::Dropped, "partial");
}

#[tokio::test]
async fn an_error_is_not_undone_by_the_finish() {
    let capture = Capture::new();
    let items = stream::iter([Ok(Last(3)), Err(refused()), Ok(Text)]);
    let mut tokens = capture.run(|| items.in_span(reading(Span::stream())));
    tokens.next().await.unwrap().unwrap();
    tokens.next().await.unwrap().err().unwrap();
    drop(tokens);
    let end = end_of(&capture, SpanName::Stream);
    // The answer was finished, so its usage is known.
    check(&end, Outcome::Error, "reported");
    assert_eq!(text(&end, "error_type"), "refused");
    let end = read_all(stream::iter([Ok(Text), Err(refused())])).await;
    check(&end, Outcome::Error, "unknown");
    assert_eq!(text(&end, "error_type"), "refused", "the first error is kept");
}

#[tokio::test]
async fn a_panic_is_not_undone_by_the_finish() {
    let capture = Capture::new();
    let items = frames([Last(3)]).chain(stream::once(async { lost() }));
    let tokens = capture.run(|| Box::pin(items).in_span(reading(Span::stream())));
    let read = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(tokens.count()));
    assert!(read.await.is_err());
    check(&end_of(&capture, SpanName::Stream), Outcome::Panicked, "reported");
}

#[tokio::test]
async fn an_observer_that_panicked_may_have_missed_the_finish() {
    let capture = Capture::new();
    let span = Span::stream().expects_finish().observe(|_: &Frame, _| lost());
    capture.run(|| frames([Text, Finish]).in_span(span)).count().await;
    check(&end_of(&capture, SpanName::Stream), Outcome::Completed, "unknown");
}

#[tokio::test]
async fn the_finish_may_be_recorded_at_the_end() {
    let capture = Capture::new();
    let span = Span::stream().expects_finish().on_end(|record| {
        assert!(!record.recorded().finished());
        record.finished();
        assert!(record.recorded().finished());
    });
    let mut tokens = capture.run(|| frames([Text, Text]).in_span(span));
    tokens.next().await.unwrap().unwrap();
    drop(tokens);
    check(&end_of(&capture, SpanName::Stream), Outcome::Completed, "unknown");
}

#[tokio::test]
async fn an_opened_stream_is_truncated_as_well_and_an_opening_that_fails_has_its_own_error() {
    let capture = Capture::new();
    let opening = async { Answer::Ok(frames([Text])) };
    capture.scope(reading(Span::stream()).open(opening)).await.unwrap().count().await;
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "error_type"), "stream_truncated");

    let capture = Capture::new();
    let opening = async { Answer::<stream::Empty<Answer<Frame>>>::Err(refused()) };
    assert!(capture.scope(reading(Span::stream()).open(opening)).await.is_err());
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "error_type"), "refused");
}

#[tokio::test]
async fn the_answer_of_a_future_is_whole() {
    let capture = Capture::new();
    let answer = async { Answer::Ok(Text) };
    capture.scope(answer.in_span(reading(Span::generate()))).await.unwrap();
    capture.assert_outcome(SpanName::Generate, Outcome::Completed);
}

#[tokio::test]
async fn a_span_by_hand_is_truncated_if_it_recorded_chunks() {
    let capture = Capture::new();
    capture.run(|| {
        let mut cut = Span::generate().expects_finish().start();
        cut.chunk(|_| {});
        cut.complete();
    });
    assert_eq!(text(&end_of(&capture, SpanName::Generate), "error_type"), "stream_truncated");

    let capture = Capture::new();
    capture.run(|| {
        let mut finished = Span::generate().expects_finish().start();
        finished.chunk(|record| record.finished());
    });
    capture.assert_outcome(SpanName::Generate, Outcome::Completed);
}

/// A client that ends each stream with an `Err`.
#[derive(Debug)]
enum ClientError {
    StreamEnded,
    Refused,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[tokio::test]
async fn an_err_that_ends_a_healthy_stream_is_no_error_if_the_closure_says_so() {
    let span = || {
        Span::stream().error_with(|error: &ClientError| match error {
            ClientError::StreamEnded => None,
            ClientError::Refused => Some(Failure::new("refused", "refused")),
        })
    };
    let capture = Capture::new();
    let items = stream::iter([Ok(1), Ok(2), Err(ClientError::StreamEnded)]);
    assert_eq!(capture.run(|| items.in_span(span())).count().await, 3);
    let end = end_of(&capture, SpanName::Stream);
    check(&end, Outcome::Completed, "unknown");
    assert_eq!((value(&end, "error"), value(&end, "error_type")), (Value::Null, Value::Null));

    let capture = Capture::new();
    let items = stream::iter([Ok(1), Err(ClientError::Refused), Err(ClientError::StreamEnded)]);
    capture.run(|| items.in_span(span())).count().await;
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "error_type"), "refused");
}
