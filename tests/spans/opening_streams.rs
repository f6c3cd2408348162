//! `open`: one span from the request to the last token.

use std::convert::Infallible;
use std::future::{Future as _, pending, poll_fn, ready};
use std::panic::AssertUnwindSafe;
use std::task::Poll;

use crate::support::*;
use allm_telemetry::{
    SpanName, Usage, current_request_id,
    event::{Outcome, Phase, Value},
    prelude::*,
    testing::Capture,
};
use futures::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::time::timeout;

type Token = Answer<&'static str>;

/// A request that is answered after 100 ms with a token stream that needs 20 ms a token.
async fn create_stream() -> Answer<impl Stream<Item = Token> + Unpin> {
    pause(100).await;
    Ok(paced([(20, Ok("Hel")), (20, Ok("lo"))]))
}

#[tokio::test(start_paused = true)]
async fn one_span_lasts_from_the_request_to_the_last_token() {
    let capture = Capture::new();
    let tokens = capture.scope(Span::stream().open(create_stream())).await.unwrap();
    assert_eq!(tokens.try_collect::<String>().await.unwrap(), "Hello");
    assert_eq!(names(&capture), ["stream.start", "stream.first_chunk", "stream.stop"]);
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((text(&stop, "outcome"), millis(&stop, "duration")), ("completed".into(), 140));
}

#[tokio::test(start_paused = true)]
async fn the_time_to_the_first_chunk_counts_from_the_request() {
    let capture = Capture::new();
    let opening = capture.run(|| Span::stream().open(create_stream()));
    pause(1_000).await;
    let tokens = capture.scope(opening).await.unwrap();
    assert_eq!(tokens.count().await, 2);
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(millis(&stop, "time_to_first_chunk"), 120);
    assert_eq!((millis(&stop, "producer_wait"), millis(&stop, "longest_wait")), (140, 100));
}

#[tokio::test(start_paused = true)]
async fn the_time_between_the_opening_and_the_first_read_is_the_readers() {
    let capture = Capture::new();
    let tokens = capture.scope(Span::stream().open(create_stream())).await.unwrap();
    pause(500).await;
    tokens.count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((millis(&stop, "producer_wait"), millis(&stop, "consumer_time")), (140, 500));
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_fails_is_an_error_with_all_the_keys_of_a_stop() {
    async fn fails() -> Answer<stream::Empty<Token>> {
        pause(30).await;
        Err(refused())
    }
    let (capture, other) = (Capture::new(), Capture::new());
    assert!(capture.scope(Span::stream().open(fails())).await.is_err());
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((text(&stop, "outcome"), text(&stop, "error")), ("error".into(), "refused".into()));
    assert_eq!((measurement(&stop, "chunk_count"), millis(&stop, "producer_wait")), (0, 30));
    assert_eq!(text(&stop, "usage_status"), "unknown");
    other.scope(Span::stream().open(create_stream())).await.unwrap().count().await;
    assert_eq!(keys(&stop.as_event()), keys(&end_of(&other, SpanName::Stream).as_event()));
}

#[tokio::test(start_paused = true)]
async fn the_drop_of_an_opening_future_is_no_wait_for_the_stream() {
    let capture = Capture::new();
    let slow_to_drop = OnDrop(|| {
        tokio::time::advance(ms(500)).now_or_never();
    });
    let mut request = Box::pin(create_stream());
    // The closure, and what it owns, is dropped after the last poll.
    let opening = poll_fn(move |cx| {
        let _ = &slow_to_drop;
        request.as_mut().poll(cx)
    });
    let tokens = capture.scope(Span::stream().open(opening)).await.unwrap();
    assert_eq!(tokens.count().await, 2);
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((millis(&stop, "producer_wait"), millis(&stop, "consumer_time")), (140, 500));
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_is_dropped_after_its_first_poll_ends_as_cancelled() {
    let capture = Capture::new();
    let opening = Span::stream().open(pending::<Answer<stream::Empty<Token>>>());
    assert!(capture.scope(timeout(ms(50), opening)).await.is_err());
    let exception = end_of(&capture, SpanName::Stream);
    assert_eq!(
        (text(&exception, "outcome"), text(&exception, "kind")),
        ("cancelled".into(), "cancelled".into())
    );
    assert_eq!((millis(&exception, "producer_wait"), measurement(&exception, "chunk_count")), (50, 0));
}

#[tokio::test]
async fn an_opening_that_is_dropped_without_a_poll_says_nothing() {
    let capture = Capture::new();
    capture.run(|| drop(Span::stream().open(create_stream())));
    assert!(capture.events().is_empty());
}

#[tokio::test]
async fn an_opening_that_panics_ends_as_panicked() {
    async fn panics() -> Answer<stream::Empty<Token>> {
        std::panic::resume_unwind(Box::new("no route"))
    }
    let capture = Capture::new();
    let opening = capture.scope(Span::stream().open(panics()));
    assert!(AssertUnwindSafe(opening).catch_unwind().await.is_err());
    let exception = end_of(&capture, SpanName::Stream);
    assert_eq!(
        (text(&exception, "outcome"), text(&exception, "reason")),
        ("panicked".into(), "no route".into())
    );
    assert!(!text(&exception, "stacktrace").is_empty());
}

#[tokio::test]
async fn an_opening_that_is_dropped_while_the_thread_unwinds_ends_once_and_does_not_abort() {
    let capture = Capture::new();
    let guard = PanicsOnDrop("second");
    let request = async move {
        pending::<()>().await;
        drop(guard);
        Answer::Ok(stream::iter([Answer::Ok("Hel")]))
    };
    let mut opening = Box::pin(capture.run(|| Span::stream().open(request)));
    assert!(poll_once(&mut opening).is_pending());
    let unwound = panic_text(move || {
        let _opening = opening;
        std::panic::resume_unwind(Box::new("first"));
    });
    assert_eq!(unwound, "first");
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "outcome"), "cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_opened_and_never_read_ends_as_dropped() {
    let capture = Capture::new();
    drop(capture.scope(Span::stream().open(create_stream())).await.unwrap());
    capture.assert_outcome(SpanName::Stream, Outcome::Dropped);
    assert_eq!(millis(&end_of(&capture, SpanName::Stream), "producer_wait"), 100);
}

#[tokio::test(start_paused = true)]
async fn an_opened_stream_that_yields_an_err_ends_as_error() {
    async fn breaks() -> Answer<impl Stream<Item = Token>> {
        Ok(stream::iter([Ok("Hel"), Err(refused())]))
    }
    let capture = Capture::new();
    capture.scope(Span::stream().open(breaks())).await.unwrap().count().await;
    capture.assert_outcome(SpanName::Stream, Outcome::Error);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_fail_is_opened_plain() {
    let capture = Capture::new();
    let opening = async { paced([(5, 1), (5, 2)]) };
    let chunks = capture.scope(Span::step().open_infallible(opening)).await;
    assert_eq!(chunks.collect::<Vec<_>>().await, [1, 2]);
    capture.assert_outcome(SpanName::Step, Outcome::Completed);
}

#[tokio::test(start_paused = true)]
async fn the_observers_of_an_opened_stream_run_on_its_chunks_and_at_its_end() {
    let capture = Capture::new();
    let span = Span::stream()
        .observe(|chunk: &&str, seen| seen.usage(Usage::new().output(chunk.len() as u64)))
        .on_end(|stop| stop.response_model("gpt-5-mini"));
    let tokens = capture.scope(span.open(create_stream())).await.unwrap();
    tokens.count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(stop.as_event().usage(), Some(&Usage::new().output(2)));
    assert_eq!(text(&stop, "response_model"), "gpt-5-mini");
}

#[tokio::test(start_paused = true)]
async fn the_stream_is_opened_and_read_inside_the_span() {
    let capture = Capture::new();
    let ids = async { (current_request_id(), stream::poll_fn(|_| Poll::Ready(Some(current_request_id())))) };
    let opening = async {
        let (opened_in, stream) = ids.await;
        Ok::<_, Infallible>(stream.map(move |read_in| Ok::<_, Infallible>((opened_in.clone(), read_in))))
    };
    let mut tokens = capture.scope(Span::stream().open(opening)).await.unwrap();
    let (opened_in, read_in) = tokens.next().await.unwrap().unwrap();
    drop(tokens);
    let id = request_of(&end_of(&capture, SpanName::Stream));
    assert_eq!([opened_in.unwrap().to_string(), read_in.unwrap().to_string()], [id.clone(), id]);
    assert_eq!(current_request_id(), None);
}

#[tokio::test]
async fn a_panic_in_the_drop_of_the_future_that_opened_lets_the_span_end_and_goes_on() {
    let capture = Capture::new();
    let guard = PanicsOnDrop("dropped badly");
    let opening = std::future::poll_fn(move |_| {
        let _held = &guard;
        Poll::Ready(Answer::Ok(stream::pending::<Token>()))
    });
    let mut opening = Box::pin(capture.scope(Span::stream().open(opening)));
    assert_eq!(panic_text(|| poll_once(&mut opening)), "dropped badly");
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "outcome"), "dropped");
}

#[tokio::test]
async fn the_future_that_opened_is_dropped_when_the_stream_is_there() {
    let (capture, held) = (Capture::new(), std::sync::Arc::new(()));
    let inside = held.clone();
    let opening = std::future::poll_fn(move |_| {
        let _held = &inside;
        Poll::Ready(Answer::Ok(stream::pending::<Token>()))
    });
    let tokens = capture.scope(Span::stream().open(opening)).await.unwrap();
    assert_eq!(std::sync::Arc::strong_count(&held), 1);
    drop(tokens);
}

#[tokio::test]
async fn a_streams_response_is_null_whatever_an_observer_says() {
    let capture = Capture::new();
    let span = Span::stream().on_end(|stop| stop.result(|| "a text"));
    let opened = capture.scope(span.open(ready(Answer::Ok(stream::empty::<Token>())))).await.unwrap();
    opened.count().await;
    assert_eq!(value(&the(&capture, SpanName::Stream, Phase::Stop), "response"), Value::Null);
}

#[tokio::test]
async fn items_that_cannot_fail_are_opened_by_a_request_that_can() {
    let capture = Capture::new();
    let open = |opened: Answer<[&'static str; 2]>| {
        let span = Span::stream().output(|token: &&'static str| *token);
        capture.scope(span.open_infallible(async move { opened.map(stream::iter) }))
    };
    assert_eq!(open(Ok(["Hel", "lo"])).await.unwrap().collect::<String>().await, "Hello");
    assert!(open(Err(refused())).await.is_err());
    let stops = capture.named("allm.stream.stop");
    let said: Vec<_> = stops.iter().map(|stop| (text(stop, "outcome"), value(stop, "output"))).collect();
    assert_eq!(said, [("completed".into(), "Hello".into()), ("error".into(), Value::Null)]);
    capture.assert_balanced();
}
