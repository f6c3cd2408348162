//! The clock: a choice of the handle, at run time. All times are nanoseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::support::*;
use allm_telemetry::{
    SpanName, Telemetry,
    event::{Clock, OwnedEvent, Phase, SystemClock},
    prelude::*,
    testing::Capture,
};
use futures::FutureExt as _;

/// A clock that shows what it is set to.
#[derive(Clone, Default)]
struct Set(Arc<AtomicU64>);

impl Set {
    fn to(&self, nanoseconds: u64) {
        self.0.store(nanoseconds, Ordering::Relaxed);
    }
}

impl Clock for Set {
    fn monotonic(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
    fn system(&self, monotonic: u64) -> u64 {
        1_700_000_000_000_000_000 + monotonic
    }
}

fn on(clock: &Set) -> Capture {
    Capture::on(Telemetry::with_clock(clock.clone())).unwrap()
}

#[test]
fn a_handle_reads_the_clock_it_was_given() {
    let clock = Set::default();
    let capture = on(&clock);
    clock.to(1_000);
    let chat = async { clock.to(4_500) }.in_span_infallible(Span::chat());
    capture.scope(chat).now_or_never().unwrap();
    let (start, stop) = (the(&capture, SpanName::Chat, Phase::Start), end_of(&capture, SpanName::Chat));
    assert_eq!(
        (measurement(&start, "system_time"), measurement(&start, "monotonic_time")),
        (1_700_000_000_000_001_000, 1_000)
    );
    assert_eq!((measurement(&stop, "monotonic_time"), measurement(&stop, "duration")), (4_500, 3_500));
    assert_eq!(stop.as_event().duration(), Some(std::time::Duration::from_nanos(3_500)));
}

#[test]
fn two_handles_may_have_two_clocks() {
    let (ours, theirs) = (Set::default(), Set::default());
    let (a, b) = (on(&ours), on(&theirs));
    let both = async {
        ours.to(5);
        b.scope(async { theirs.to(70) }.in_span_infallible(Span::step())).await;
    };
    a.scope(both.in_span_infallible(Span::chat())).now_or_never().unwrap();
    assert_eq!(measurement(&end_of(&a, SpanName::Chat), "duration"), 5);
    assert_eq!(measurement(&end_of(&b, SpanName::Step), "duration"), 70);
}

#[test]
fn a_clock_that_runs_backwards_makes_durations_of_0() {
    let clock = Set::default();
    let capture = on(&clock);
    clock.to(1_000);
    let mut tokens = capture.run(|| futures::stream::pending::<u8>().in_span_infallible(Span::stream()));
    assert!(poll_next(&mut tokens).is_pending());
    clock.to(10);
    drop(tokens);
    let stop = end_of(&capture, SpanName::Stream);
    let times =
        ["duration", "producer_wait", "longest_wait", "consumer_time"].map(|key| measurement(&stop, key));
    assert_eq!((times, measurement(&stop, "monotonic_time")), ([0; 4], 10));
}

/// A clock whose wall-clock time can be stepped, as by an administrator or a time server.
#[derive(Clone, Default)]
struct Stepped(Set, Arc<AtomicI64>);

impl Clock for Stepped {
    fn monotonic(&self) -> u64 {
        self.0.monotonic()
    }
    fn system(&self, monotonic: u64) -> u64 {
        self.0.system(monotonic).saturating_add_signed(self.1.load(Ordering::Relaxed))
    }
}

#[test]
fn a_step_of_the_wall_clock_inside_a_request_moves_no_span_and_no_retry_of_it() {
    const HOUR: i64 = 3_600_000_000_000;
    for step in [-HOUR, HOUR] {
        let clock = Stepped::default();
        let capture = Capture::on(Telemetry::with_clock(clock.clone())).unwrap();
        let (ticking, stepping) = (clock.0.clone(), clock.1.clone());
        let call = async move {
            ticking.to(3_000);
            allm_telemetry::adapter_retry(1, ms(1), "429");
        };
        let chat = async {
            clock.0.to(1_000);
            stepping.store(step, Ordering::Relaxed);
            let tool = async { call.in_span_infallible(Span::generate()).await };
            clock.0.to(2_000);
            tool.in_span_infallible(Span::tool("t", "1")).await;
        };
        capture.scope(chat.in_span_infallible(Span::chat())).now_or_never().unwrap();
        let at = |event: &OwnedEvent| measurement(event, "system_time") - 1_700_000_000_000_000_000;
        let of = |span| at(&the(&capture, span, Phase::Start));
        assert_eq!([of(SpanName::Chat), of(SpanName::Tool), of(SpanName::Generate)], [0, 2_000, 2_000]);
        assert_eq!(at(&capture.named("allm.adapter.retry")[0]), 3_000);

        // The next request has the new time.
        capture.scope(async {}.in_span_infallible(Span::step())).now_or_never().unwrap();
        let next = measurement(&the(&capture, SpanName::Step, Phase::Start), "system_time");
        assert_eq!(next, (1_700_000_000_000_003_000_i64 + step) as u64);
    }
}

#[test]
fn a_child_that_starts_where_the_monotonic_clock_ran_backwards_starts_with_its_parent() {
    let clock = Set::default();
    let capture = on(&clock);
    clock.to(1_000);
    let chat = async {
        clock.to(10);
        async {}.in_span_infallible(Span::step()).await;
    };
    capture.scope(chat.in_span_infallible(Span::chat())).now_or_never().unwrap();
    let at = |span| measurement(&the(&capture, span, Phase::Start), "system_time");
    assert_eq!(at(SpanName::Step), at(SpanName::Chat));
}

#[tokio::test(start_paused = true)]
async fn the_default_clock_pauses_with_tokios() {
    let before = SystemClock.monotonic();
    assert_eq!(SystemClock.monotonic(), before);
    pause(3_600_000).await;
    assert_eq!(SystemClock.monotonic() - before, 3_600_000_000_000);
}

#[test]
fn the_default_clock_works_without_a_runtime_and_knows_the_time_of_day() {
    let monotonic = SystemClock.monotonic();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let told = std::time::Duration::from_nanos(SystemClock.system(monotonic));
    let difference = told.abs_diff(now);
    assert!(difference < std::time::Duration::from_secs(2), "{difference:?}");
    assert!(SystemClock.monotonic() >= monotonic);
}
