//! What a stream measures: the waits for the producer, the time of the reader, the first chunk, the usage.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::*;
use allm_telemetry::{
    SpanName, Telemetry, Usage,
    event::{Clock, OwnedEvent, Phase, Value},
    observe::{Classify, Observe},
    prelude::*,
    testing::Capture,
};
use futures::{FutureExt as _, StreamExt as _, stream};

/// producer_wait, longest_wait, consumer_time and duration, in milliseconds.
fn times(stop: &OwnedEvent) -> [u64; 4] {
    ["producer_wait", "longest_wait", "consumer_time", "duration"].map(|key| millis(stop, key))
}

#[tokio::test(start_paused = true)]
async fn waits_are_summed_and_the_longest_is_kept() {
    let capture = Capture::new();
    let tokens =
        capture.run(|| paced([(30, 1), (50, 2), (0, 3), (20, 4)]).in_span_infallible(Span::stream()));
    assert_eq!(tokens.count().await, 4);
    assert_eq!(times(&end_of(&capture, SpanName::Stream)), [100, 50, 0, 100]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_does_not_look_like_a_slow_model() {
    let capture = Capture::new();
    let tokens = capture.run(|| paced([(10, 1), (10, 2), (10, 3)]).in_span_infallible(Span::stream()));
    tokens.for_each(|_| pause(200)).await;
    assert_eq!(times(&end_of(&capture, SpanName::Stream)), [30, 10, 600, 630]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_cut_short_by_the_reader_counts_up_to_the_drop() {
    let capture = Capture::new();
    let mut tokens = capture.run(|| stream::pending::<u8>().in_span_infallible(Span::stream()));
    assert!(tokens.next().now_or_never().is_none());
    pause(40).await;
    drop(tokens);
    assert_eq!(times(&end_of(&capture, SpanName::Stream)), [40, 40, 0, 40]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_may_end_with_an_err_with_none_or_with_a_panic() {
    let capture = Capture::new();
    let tokens = capture.run(|| paced([(10, Answer::<u8>::Err(refused()))]).in_span(Span::stream()));
    tokens.chain(stream::pending()).next().await.unwrap().unwrap_err();
    assert_eq!(times(&end_of(&capture, SpanName::Stream))[0], 10);

    let capture = Capture::new();
    let none = pause(20).map(|()| stream::empty::<u8>()).flatten_stream();
    capture.run(|| Box::pin(none).in_span_infallible(Span::stream())).count().await;
    assert_eq!(times(&end_of(&capture, SpanName::Stream)), [20, 20, 0, 20]);

    let capture = Capture::new();
    let panics = stream::once(pause(30).map(|()| -> u8 { std::panic::resume_unwind(Box::new("lost")) }));
    let tokens = capture.run(|| Box::pin(panics).in_span_infallible(Span::stream()));
    assert!(std::panic::AssertUnwindSafe(tokens.count()).catch_unwind().await.is_err());
    assert_eq!(times(&end_of(&capture, SpanName::Stream)), [30, 30, 0, 30]);
}

#[tokio::test(start_paused = true)]
async fn the_time_to_the_first_chunk_is_told_once_and_kept_for_the_end() {
    let capture = Capture::new();
    let tokens = capture.run(|| paced([(70, 1), (20, 2)]).in_span_infallible(Span::stream().model("gpt-5")));
    tokens.count().await;
    let (start, first) =
        (the(&capture, SpanName::Stream, Phase::Start), the(&capture, SpanName::Stream, Phase::FirstChunk));
    assert_eq!(millis(&first, "time_to_first_chunk"), 70);
    assert_eq!(millis(&first, "monotonic_time") - millis(&start, "monotonic_time"), 70);
    assert_eq!(millis(&end_of(&capture, SpanName::Stream), "time_to_first_chunk"), 70);
    assert_eq!(keys(&first.as_event()), keys(&start.as_event()));
}

#[tokio::test(start_paused = true)]
async fn a_chunk_that_is_free_of_content_counts_and_does_not_stop_the_first_chunks_clock() {
    let capture = Capture::new();
    let span = Span::stream().observe(|chunk: &&str, seen| {
        if chunk.is_empty() {
            seen.content_free();
        }
    });
    let tokens = capture.run(|| paced([(10, ""), (30, "Hel"), (10, "lo"), (5, "")]).in_span_infallible(span));
    tokens.count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((millis(&stop, "time_to_first_chunk"), measurement(&stop, "chunk_count")), (40, 4));
    assert_eq!(capture.named("allm.stream.first_chunk").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_err_item_is_no_first_chunk() {
    let capture = Capture::new();
    let tokens = capture.run(|| paced([(10, Err(refused())), (10, Answer::Ok(1))]).in_span(Span::stream()));
    tokens.count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((millis(&stop, "time_to_first_chunk"), measurement(&stop, "chunk_count")), (20, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_a_chunk_has_no_time_to_its_first_one() {
    let capture = Capture::new();
    capture.run(|| stream::empty::<u8>().in_span_infallible(Span::stream())).count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert!(stop.as_event().measurement("time_to_first_chunk").unwrap().is_null());
    assert_eq!(names(&capture), ["stream.start", "stream.stop"]);
}

fn with_usage() -> Span<impl Observe<u64> + Classify<std::io::Error>> {
    Span::stream().observe(|tokens: &u64, seen| seen.usage(Usage::new().output(*tokens)))
}

#[tokio::test(start_paused = true)]
async fn usage_of_a_completed_stream_is_reported() {
    let capture = Capture::new();
    capture.run(|| stream::iter([3, 7]).in_span_infallible(with_usage())).count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(text(&stop, "usage_status"), "reported");
    assert_eq!(stop.as_event().usage(), Some(&Usage::new().output(7)));
}

#[tokio::test(start_paused = true)]
async fn usage_of_a_stream_that_ended_otherwise_is_partial() {
    let capture = Capture::new();
    let mut tokens = capture.run(|| stream::iter([3, 7]).in_span_infallible(with_usage()));
    tokens.next().await;
    drop(tokens);
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(text(&stop, "usage_status"), "partial");
    assert_eq!(stop.as_event().usage(), Some(&Usage::new().output(3)));

    let capture = Capture::new();
    let failing = stream::iter([Answer::Ok(3), Err(refused())]);
    capture.run(|| failing.in_span(with_usage())).count().await;
    assert_eq!(text(&end_of(&capture, SpanName::Stream), "usage_status"), "partial");
}

#[tokio::test(start_paused = true)]
async fn usage_that_nobody_told_is_unknown_and_never_0() {
    let capture = Capture::new();
    capture.run(|| stream::iter([3, 7]).in_span_infallible(Span::stream())).count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((text(&stop, "usage_status"), value(&stop, "usage")), ("unknown".into(), Value::Null));
}

/// A clock that counts how often it is read.
#[derive(Clone, Default)]
struct Reads(Arc<AtomicU64>);

impl Clock for Reads {
    fn monotonic(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
    fn system(&self, monotonic: u64) -> u64 {
        monotonic
    }
}

/// How often the clock is read for a stream of these items, between the first chunk and the end.
async fn reads_for(items: Vec<(u64, u8)>) -> u64 {
    let reads = Reads::default();
    let capture = Capture::on(Telemetry::with_clock(reads.clone())).unwrap();
    let mut tokens =
        capture.run(|| paced([(0, 0)].into_iter().chain(items)).in_span_infallible(Span::stream()));
    tokens.next().await;
    let before = reads.0.load(Ordering::Relaxed);
    while tokens.next().await.is_some() {}
    // The end reads it once.
    reads.0.load(Ordering::Relaxed) - before - 1
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_ready_reads_no_clock_and_a_wait_reads_it_twice() {
    assert_eq!(reads_for(vec![(0, 1); 100]).await, 0);
    assert_eq!(reads_for(vec![(5, 1); 10]).await, 20);
}

#[tokio::test(start_paused = true)]
async fn several_pending_polls_are_one_wait() {
    let capture = Capture::new();
    let mut tokens = capture.run(|| paced([(60, 1)]).in_span_infallible(Span::stream()));
    for _ in 0..5 {
        assert!(tokens.next().now_or_never().is_none());
        pause(10).await;
    }
    tokens.next().await;
    drop(tokens);
    // The sleep began with the first poll.
    assert_eq!(times(&end_of(&capture, SpanName::Stream)), [60, 60, 0, 60]);
}

/// A clock of the test's own, which the drop of a stream moves.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    fn monotonic(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn system(&self, monotonic: u64) -> u64 {
        monotonic
    }
}

/// A stream that is pending once, then ends; its drop takes 200 ms.
fn slow_to_drop(hand: &Hand) -> impl futures::Stream<Item = u8> + Unpin {
    let (at, polled) = (hand.0.clone(), hand.0.clone());
    let drops = OnDrop(move || {
        at.fetch_add(ms(200).as_nanos() as u64, Ordering::Relaxed);
    });
    let mut polls = 0;
    stream::poll_fn(move |_| {
        let _ = &drops;
        polls += 1;
        polled.fetch_add(ms(30).as_nanos() as u64, Ordering::Relaxed);
        if polls == 1 { std::task::Poll::Pending } else { std::task::Poll::Ready(None) }
    })
}

#[test]
fn the_drop_of_what_was_waited_for_is_no_wait() {
    for polls in [1, 2] {
        let hand = Hand::default();
        let capture = Capture::on(Telemetry::with_clock(hand.clone())).unwrap();
        let mut tokens = capture.run(|| slow_to_drop(&hand).in_span_infallible(Span::stream()));
        for _ in 0..polls {
            let _ = poll_next(&mut tokens);
        }
        drop(tokens);
        let stop = end_of(&capture, SpanName::Stream);
        assert_eq!(millis(&stop, "producer_wait"), 30 * (polls - 1), "{polls} polls");
        assert_eq!(millis(&stop, "duration"), 30 * polls + 200);
    }
}

/// An opening future that takes 30 ms to be ready or to panic; its drop takes 200 ms.
fn slow_to_drop_opening(
    hand: &Hand,
    panics: bool,
) -> impl Future<Output = Answer<stream::Empty<Answer<u8>>>> {
    let (at, polled) = (hand.0.clone(), hand.0.clone());
    let drops = OnDrop(move || {
        at.fetch_add(ms(200).as_nanos() as u64, Ordering::Relaxed);
    });
    std::future::poll_fn(move |_| {
        let _ = &drops;
        polled.fetch_add(ms(30).as_nanos() as u64, Ordering::Relaxed);
        if panics { lost() } else { std::task::Poll::Ready(Ok(stream::empty())) }
    })
}

#[test]
fn the_drop_of_an_opening_is_no_wait_though_it_panicked() {
    for panics in [false, true] {
        let hand = Hand::default();
        let capture = Capture::on(Telemetry::with_clock(hand.clone())).unwrap();
        let mut opening = Box::pin(capture.run(|| Span::stream().open(slow_to_drop_opening(&hand, panics))));
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll_once(&mut opening)));
        assert_eq!(opened.is_err(), panics);
        drop(opened);
        let end = end_of(&capture, SpanName::Stream);
        assert_eq!((millis(&end, "producer_wait"), millis(&end, "duration")), (30, 230), "panics: {panics}");
    }
}

#[tokio::test]
async fn usage_without_a_count_is_no_usage() {
    let capture = Capture::new();
    let span = Span::stream().observe(|_: &u8, record| {
        record.usage(Usage::new().input(None::<u64>).output(None::<u64>));
    });
    capture.run(|| stream::iter([1]).in_span_infallible(span)).count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((value(&stop, "usage"), text(&stop, "usage_status")), (Value::Null, "unknown".into()));
}
