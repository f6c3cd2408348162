//! A stream's span: from where it is wrapped to its end, however its reader leaves.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use crate::support::*;
use allm_telemetry::{
    SpanName, Usage,
    event::{Outcome, Phase, Value},
    prelude::*,
    testing::Capture,
};
use futures::stream::{self, FusedStream as _};
use futures::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _};

type Item = Answer<u8>;

fn stream_of<const N: usize>(items: [Item; N]) -> impl Stream<Item = Item> + Unpin {
    stream::iter(items)
}

#[tokio::test]
async fn a_stream_that_returns_none_ends_as_completed() {
    let capture = Capture::new();
    let tokens = capture.run(|| stream_of([Ok(1), Ok(2)]).in_span(Span::stream()));
    assert_eq!(tokens.try_collect::<Vec<_>>().await.unwrap(), [1, 2]);
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(names(&capture), ["stream.start", "stream.first_chunk", "stream.stop"]);
    assert_eq!((text(&stop, "outcome"), measurement(&stop, "chunk_count")), ("completed".into(), 2));
    assert_eq!(value(&stop, "response"), Value::Null);
}

#[tokio::test]
async fn an_err_item_is_an_error_and_the_stream_goes_on() {
    let capture = Capture::new();
    let items = [Ok(1), Err(refused()), Err(std::io::Error::other("later")), Ok(2)];
    let tokens = capture.run(|| stream_of(items).in_span(Span::stream()));
    let told: Vec<_> = tokens.map(|item| item.map_err(|error| error.to_string())).collect().await;
    assert_eq!(told, [Ok(1), Err("refused".into()), Err("later".into()), Ok(2)]);
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(stop.as_event().phase(), Some(Phase::Stop));
    assert_eq!((text(&stop, "outcome"), text(&stop, "error")), ("error".into(), "refused".into()));
    assert_eq!((text(&stop, "error_type"), measurement(&stop, "chunk_count")), ("io::Error".into(), 2));
}

#[tokio::test]
async fn a_stream_that_is_dropped_before_its_end_ends_as_dropped() {
    let capture = Capture::new();
    let mut tokens = capture.run(|| stream_of([Ok(1), Ok(2)]).in_span(Span::stream()));
    tokens.next().await.unwrap().unwrap();
    drop(tokens);
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(stop.as_event().phase(), Some(Phase::Stop));
    assert_eq!((text(&stop, "outcome"), value(&stop, "error")), ("dropped".into(), Value::Null));
    assert_eq!((value(&stop, "response"), measurement(&stop, "chunk_count")), (Value::Null, 1));
}

#[tokio::test]
async fn a_stream_that_is_dropped_without_a_poll_ends_as_dropped() {
    let capture = Capture::new();
    capture.run(|| drop(stream_of([Ok(1)]).in_span(Span::stream())));
    assert_eq!(names(&capture), ["stream.start", "stream.stop"]);
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((text(&stop, "outcome"), measurement(&stop, "chunk_count")), ("dropped".into(), 0));
    assert!(stop.as_event().measurement("time_to_first_chunk").unwrap().is_null());
}

#[tokio::test]
async fn a_read_loop_that_leaves_at_an_err_ends_as_error() {
    async fn read(tokens: impl Stream<Item = Item> + Unpin) -> Answer<u64> {
        let (mut sum, mut tokens) = (0, tokens);
        while let Some(token) = tokens.next().await {
            sum += u64::from(token?);
        }
        Ok(sum)
    }
    let capture = Capture::new();
    let tokens = capture.run(|| stream_of([Ok(1), Err(refused()), Ok(2)]).in_span(Span::stream()));
    assert!(read(tokens).await.is_err());
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "outcome"), "error");
}

#[tokio::test]
async fn a_plain_stream_looks_at_nothing_so_its_err_items_are_chunks() {
    let capture = Capture::new();
    let tokens = capture.run(|| stream_of([Ok(1), Err(refused())]).in_span_infallible(Span::stream()));
    assert_eq!(tokens.count().await, 2);
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((text(&stop, "outcome"), measurement(&stop, "chunk_count")), ("completed".into(), 2));
}

#[tokio::test]
async fn a_stream_that_panics_ends_as_panicked_and_keeps_what_it_had() {
    let capture = Capture::new();
    let items = stream::iter(0..4_u8).map(|item| if item < 3 { item } else { panic!("lost the line") });
    let span = Span::stream().observe(|chunk: &u8, seen| seen.usage(Usage::new().output(u64::from(*chunk))));
    let tokens = capture.run(|| items.in_span_infallible(span));
    assert!(AssertUnwindSafe(tokens.count()).catch_unwind().await.is_err());
    let exception = end_of(&capture, SpanName::Stream);
    assert_eq!(
        (text(&exception, "outcome"), text(&exception, "reason")),
        ("panicked".into(), "lost the line".into())
    );
    assert_eq!(
        (measurement(&exception, "chunk_count"), text(&exception, "usage_status")),
        (3, "partial".into())
    );
    assert_eq!(exception.as_event().usage(), Some(&Usage::new().output(2)));
    assert!(!text(&exception, "stacktrace").is_empty());
}

#[tokio::test]
async fn a_stream_that_panicked_is_over_and_says_nothing_more() {
    let capture = Capture::new();
    let inner = stream::poll_fn(|_| -> Poll<Option<u8>> { panic!("lost the line") });
    let mut tokens = capture.run(|| inner.in_span_infallible(Span::stream()));
    panic_text(|| poll_next(&mut tokens));
    assert!(poll_next(&mut tokens) == Poll::Ready(None) && tokens.is_terminated());
    drop(tokens);
    assert_eq!(names(&capture), ["stream.start", "stream.exception"]);
}

#[tokio::test]
async fn a_panic_weighs_more_than_an_error_that_came_before() {
    let capture = Capture::new();
    let items =
        stream::iter([0, 1]).map(|item| if item == 0 { Item::Err(refused()) } else { panic!("worse") });
    let tokens = capture.run(|| items.in_span(Span::stream()));
    assert!(AssertUnwindSafe(tokens.count()).catch_unwind().await.is_err());
    let exception = end_of(&capture, SpanName::Stream);
    assert_eq!(
        (text(&exception, "outcome"), text(&exception, "reason")),
        ("panicked".into(), "worse".into())
    );
}

#[tokio::test]
async fn a_streams_span_starts_where_it_is_wrapped() {
    let capture = Capture::new();
    let tokens = capture.run(|| stream_of([Ok(1)]).in_span(Span::stream()));
    assert_eq!(names(&capture), ["stream.start"]);
    drop(tokens);
}

#[tokio::test]
async fn a_wrapped_stream_is_never_polled_ahead_nor_drained() {
    let (capture, polls) = (Capture::new(), Arc::new(AtomicUsize::new(0)));
    let counted = polls.clone();
    let inner = stream::poll_fn(move |_| Poll::Ready(Some(counted.fetch_add(1, Ordering::Relaxed))));
    let mut tokens = capture.run(|| inner.in_span_infallible(Span::stream()));
    assert_eq!(polls.load(Ordering::Relaxed), 0);
    tokens.next().await;
    tokens.next().await;
    drop(tokens);
    assert_eq!(polls.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_wrapped_stream_has_the_size_hint_of_the_inner_one() {
    let capture = Capture::new();
    let mut tokens = capture.run(|| stream_of([Ok(1), Ok(2)]).in_span(Span::stream()));
    assert_eq!(tokens.size_hint(), (2, Some(2)));
    tokens.next().await.unwrap().unwrap();
    assert_eq!(tokens.size_hint(), (1, Some(1)));
    tokens.by_ref().count().await;
    assert_eq!(tokens.size_hint(), (0, Some(0)));
}

#[tokio::test]
async fn a_wrapped_stream_is_fused() {
    let (capture, mut polls) = (Capture::new(), 0);
    let inner = stream::poll_fn(move |_| {
        polls += 1;
        Poll::Ready(if polls == 2 { None } else { Some(polls) })
    });
    let mut tokens = capture.run(|| inner.in_span_infallible(Span::stream()));
    assert!(tokens.next().await == Some(1) && !tokens.is_terminated());
    assert_eq!((tokens.next().await, tokens.next().await, tokens.is_terminated()), (None, None, true));
    drop(tokens);
    assert_eq!(measurement(&end_of(&capture, SpanName::Stream), "chunk_count"), 1);
}

#[tokio::test]
async fn a_wrapped_stream_is_woken_by_the_waker_that_polled_it() {
    let (capture, wakes) = (Capture::new(), Arc::new(Wakes::default()));
    let waker = Waker::from(wakes.clone());
    let seen = waker.clone();
    let inner = stream::poll_fn(move |cx| {
        assert!(cx.waker().will_wake(&seen));
        Poll::<Option<u8>>::Pending
    });
    let mut tokens = capture.run(|| inner.in_span_infallible(Span::stream()));
    assert!(tokens.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
    drop(tokens);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_a_stream_holds_ends_before_it_does() {
    let capture = Capture::new();
    let step = capture.run(|| {
        let held = stream_of([]).in_span(Span::stream());
        stream::poll_fn(move |_| {
            let _held = &held;
            Poll::Ready(Some(1))
        })
        .in_span_infallible(Span::step())
    });
    drop(step);
    assert_eq!(names(&capture), ["stream.start", "step.start", "stream.stop", "step.stop"]);
}

#[tokio::test]
async fn a_stream_is_dropped_as_soon_as_it_has_ended() {
    let (capture, held) = (Capture::new(), Arc::new(()));
    let inside = held.clone();
    let inner = stream::poll_fn(move |_| {
        let _held = &inside;
        Poll::<Option<u8>>::Ready(None)
    });
    let mut tokens = capture.run(|| inner.in_span_infallible(Span::stream()));
    assert_eq!(tokens.next().await, None);
    assert_eq!(Arc::strong_count(&held), 1);
}

fn holding(guard: PanicsOnDrop, item: Poll<Option<u8>>) -> impl Stream<Item = u8> + Unpin {
    stream::poll_fn(move |_| {
        let _held = &guard;
        item
    })
}

#[tokio::test]
async fn a_panic_in_the_drop_of_an_ended_stream_changes_no_outcome_and_goes_on() {
    let capture = Capture::new();
    let inner = holding(PanicsOnDrop("dropped badly"), Poll::Ready(None));
    let mut tokens = capture.run(|| inner.in_span_infallible(Span::stream()));
    assert_eq!(panic_text(|| poll_next(&mut tokens)), "dropped badly");
    assert_eq!(poll_next(&mut tokens), Poll::Ready(None));
    drop(tokens);
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "outcome"), "completed");
}

#[tokio::test]
async fn a_panic_in_the_drop_of_a_dropped_stream_changes_no_outcome_and_goes_on() {
    let capture = Capture::new();
    let inner = holding(PanicsOnDrop("dropped badly"), Poll::Pending);
    let tokens = capture.run(|| inner.in_span_infallible(Span::stream()));
    assert_eq!(panic_text(|| drop(tokens)), "dropped badly");
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "outcome"), "dropped");
}

#[tokio::test]
async fn a_stream_that_is_dropped_while_the_thread_unwinds_ends_as_dropped_and_does_not_abort() {
    let capture = Capture::new();
    let inner = holding(PanicsOnDrop("second"), Poll::Pending);
    let tokens = capture.run(|| inner.in_span_infallible(Span::stream()));
    let unwound = panic_text(move || {
        let _tokens = tokens;
        std::panic::resume_unwind(Box::new("first"));
    });
    assert_eq!(unwound, "first");
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "outcome"), "dropped");
}

#[test]
fn a_stream_that_moves_between_threads_ends_once() {
    let capture = Capture::new();
    let mut tokens = capture.run(|| stream_of([Ok(1), Ok(2)]).in_span(Span::stream()));
    for _ in 0..3 {
        let poll = move || {
            let _ = poll_next(&mut tokens);
            tokens
        };
        tokens = std::thread::spawn(poll).join().unwrap();
    }
    assert_eq!(names(&capture), ["stream.start", "stream.first_chunk", "stream.stop"]);
}

#[tokio::test]
async fn any_span_may_wrap_a_stream_and_then_measures_it() {
    for &name in SpanName::ALL {
        let capture = Capture::new();
        let chunks = capture.run(|| stream_of([Ok(1), Ok(2)]).in_span(span_of(name)));
        chunks.count().await;
        let stop = end_of(&capture, name);
        assert_eq!((measurement(&stop, "chunk_count"), text(&stop, "usage_status")), (2, "unknown".into()));
        assert_eq!(value(&stop, name.row().result_key()), Value::Null);
        assert_eq!(capture.named(name.event(Phase::FirstChunk).as_str()).len(), 1);
    }
}

#[tokio::test]
async fn a_dropped_stream_is_no_error() {
    let capture = Capture::new();
    capture.run(|| drop(stream_of([Ok(1)]).in_span(Span::stream())));
    capture.assert_outcome(SpanName::Stream, Outcome::Dropped);
    assert_eq!(value(&end_of(&capture, SpanName::Stream), "error_type"), Value::Null);
}
