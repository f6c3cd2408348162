//! Faults at the edges: each has its clear error or its documented behaviour, and the call is unharmed.
//!
//! What concerns a file (a full disk, a closed pipe) is in `json_lines`; too many listeners in
//! `listeners_that_come_and_go.rs`; a clock that runs backwards for a future in `clock.rs`.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use allm_telemetry::{
    Event, Listener, SpanName, Telemetry, capture_panic_backtraces, current_request_id, detach,
    event::{Clock, Phase, Value},
    execute,
    handler::AttachError,
    prelude::*,
    testing::Capture,
};
use futures::{FutureExt as _, StreamExt as _, stream};
use support::own_process::{in_its_own_process, passes_in_its_own_process};
use support::*;

mod leaks;
mod quantities;
mod registry_under_threads;
#[path = "../support/mod.rs"]
mod support;
mod teardown;

const SOON: Duration = Duration::from_secs(20);

fn emit(telemetry: &Telemetry, suffix: &str) {
    telemetry.execute(suffix, [("n", 1)], [("k", 1)]).unwrap();
}

#[test]
fn a_handler_that_blocks_holds_up_its_own_emission_and_nothing_else() {
    let (capture, (blocked, is_blocked), (go, wait)) = (Capture::new(), sync_channel(1), channel::<()>());
    let wait = Mutex::new(wait);
    let blocks = move |_: &Event<'_>| {
        blocked.send(()).unwrap();
        let _ = wait.lock().unwrap().recv_timeout(SOON);
    };
    capture.telemetry().attach("blocks", "allm.chat.start", blocks).unwrap();
    let (slow, other) = (capture.clone(), capture.clone());
    let slow = thread::spawn(move || slow.scope(async { 4 }.in_span_infallible(Span::chat())).now_or_never());
    is_blocked.recv_timeout(SOON).unwrap();
    let (done, is_done) = channel();
    thread::spawn(move || {
        other.scope(async {}.in_span_infallible(Span::tool("t", "1"))).now_or_never().unwrap();
        other.telemetry().attach("late", "allm.tool.stop", |_| {}).unwrap();
        assert_eq!(other.telemetry().list_handlers("allm.chat.start").len(), 2);
        other.telemetry().detach("blocks").unwrap();
        done.send(()).unwrap();
    });
    is_done.recv_timeout(SOON).expect("all others go on while one handler blocks");
    assert_eq!(names(&capture), ["chat.start", "tool.start", "tool.stop"]);
    go.send(()).unwrap();
    assert_eq!(slow.join().unwrap(), Some(4));
    capture.assert_balanced();
}

/// Panics with what it was given, once, wherever foreign code is called.
async fn with_panics_everywhere(payload: fn() -> Box<dyn Any + Send>) -> Capture {
    struct Bad(fn() -> Box<dyn Any + Send>);
    impl fmt::Display for Bad {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            resume_unwind((self.0)())
        }
    }
    let capture = Capture::new();
    capture.telemetry().attach("handler", "allm.stream.stop", move |_| resume_unwind(payload())).unwrap();
    let span = Span::stream()
        .input(move || -> &'static str { resume_unwind(payload()) })
        .observe(move |_: &u8, _: &mut Record<'_>| resume_unwind(payload()))
        .on_end(move |_: &mut Record<'_>| resume_unwind(payload()));
    let items = stream::iter([Ok(1), Err(Bad(payload)), Ok(2)]);
    let tokens = capture.run(|| items.in_span(span));
    assert_eq!(tokens.map(|item| item.is_ok()).collect::<Vec<_>>().await, [true, false, true]);
    capture
}

/// Its drop panics with another of its kind.
struct PanicsForEver;

impl Drop for PanicsForEver {
    fn drop(&mut self) {
        resume_unwind(Box::new(PanicsForEver));
    }
}

#[tokio::test]
async fn a_panic_without_a_text_and_one_whose_payload_panics_when_dropped_harm_nobody() {
    let payloads: [fn() -> Box<dyn Any + Send>; 3] =
        [|| Box::new(7_u8), || Box::new(PanicsOnDrop("the payload")), || Box::new(PanicsForEver)];
    for payload in payloads {
        let capture = with_panics_everywhere(payload).await;
        capture.assert_balanced();
        let failures = capture.named("telemetry.handler.failure");
        let mut ids: Vec<_> = failures.iter().map(|failure| text(failure, "handler_id")).collect();
        ids.sort();
        assert_eq!(ids, ["error", "handler", "input", "observe", "on_end"]);
        assert!(failures.iter().all(|failure| text(failure, "reason").contains("not a string")));
        let stop = end_of(&capture, SpanName::Stream);
        assert_eq!((text(&stop, "outcome"), text(&stop, "error_type")), ("error".into(), "_OTHER".into()));
        assert_eq!((value(&stop, "error"), value(&stop, "input")), (Value::Null, Value::Null));
    }
}

#[tokio::test]
async fn a_panic_of_the_call_goes_on_although_its_payload_panics_when_it_is_dropped() {
    let capture = Capture::new();
    let work = async { panic_any_quietly(PanicsOnDrop("the payload")) }.in_span_infallible(Span::chat());
    let payload = AssertUnwindSafe(capture.scope(work)).catch_unwind().await.unwrap_err();
    assert_eq!(payload.downcast_ref::<PanicsOnDrop>().map(|payload| payload.0), Some("the payload"));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(payload))).is_err());
    assert_eq!(text(&end_of(&capture, SpanName::Chat), "outcome"), "panicked");
}

fn panic_any_quietly(payload: impl Any + Send) -> () {
    resume_unwind(Box::new(payload))
}

/// Makes a closure capture all of it.
fn holds(_: &PanicsOnDrop) {}

#[tokio::test]
async fn what_a_handler_holds_may_panic_when_it_is_dropped() {
    let capture = Capture::new();
    for turn in 0..2 {
        let held = PanicsOnDrop("held by a handler");
        let handler = move |_: &Event<'_>| {
            holds(&held);
            detach("bad").unwrap();
        };
        capture.telemetry().attach("bad", "allm.chat.start", handler).unwrap();
        let chat = async { turn }.in_span_infallible(Span::chat());
        assert_eq!(capture.scope(chat).await, turn);
    }
    capture.assert_balanced();
    assert_eq!(capture.events().len(), 4);
}

#[test]
fn a_thread_may_end_while_it_alone_knows_a_handler_that_panics_when_it_is_dropped() {
    passes_in_its_own_process(|| {
        let telemetry = Telemetry::new();
        let held = PanicsOnDrop("held by a handler");
        telemetry.attach("bad", "allm.a", move |_| holds(&held)).unwrap();
        let (knows, detached) = (sync_channel(1), sync_channel::<()>(1));
        let there = telemetry.clone();
        let ends = thread::spawn(move || {
            emit(&there, "a");
            knows.0.send(()).unwrap();
            let _ = detached.1.recv_timeout(SOON);
        });
        knows.1.recv_timeout(SOON).unwrap();
        telemetry.detach("bad").unwrap();
        drop(detached.0);
        ends.join().unwrap();
    });
}

/// A listener whose states panic when they are dropped.
struct BadStates;

impl Listener for BadStates {
    type Built = ();
    type State = PanicsOnDrop;
    fn on_build(&self) {}
    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&PanicsOnDrop>) -> PanicsOnDrop {
        PanicsOnDrop("a state")
    }
    fn on_end(&self, _: &PanicsOnDrop, _: &Event<'_>) {}
}

#[tokio::test]
async fn what_a_listener_keeps_may_panic_when_it_is_dropped() {
    let capture = Capture::new();
    capture.telemetry().listen("bad", BadStates).unwrap();
    let step = async { 4 }.in_span_infallible(Span::step());
    let answer = AssertUnwindSafe(capture.scope(step.in_span_infallible(Span::chat()))).catch_unwind().await;
    assert_eq!(answer.ok(), Some(4));
    capture.assert_balanced();
}

#[test]
fn what_an_observer_holds_may_panic_when_it_is_dropped_unused() {
    let capture = Capture::new();
    let held = PanicsOnDrop("held by an observer");
    let span = Span::chat().observe(move |(): &(), _: &mut Record<'_>| holds(&held));
    let refusing = async { Answer::<()>::Err(refused()) }.in_span(span);
    let mut refusing = Box::pin(capture.scope(refusing));
    let polled = catch_unwind(AssertUnwindSafe(|| drop(poll_once(&mut refusing))));
    drop(catch_unwind(AssertUnwindSafe(|| drop(refusing))));
    assert_eq!(text(&end_of(&capture, SpanName::Chat), "outcome"), "error", "{polled:?}");
}

/// A listener, or what a handler holds, that uses the crate when it is dropped.
struct ReentersOnDrop(Telemetry);

impl Drop for ReentersOnDrop {
    fn drop(&mut self) {
        self.0.detach("first").unwrap();
        self.0.listen("another", BadStates).unwrap();
        self.0.detach("another").unwrap();
        emit(&self.0, "dropped");
    }
}

impl Listener for ReentersOnDrop {
    type Built = ();
    type State = ();
    fn on_build(&self) {}
    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&()>) {}
    fn on_end(&self, (): &(), _: &Event<'_>) {}
}

#[test]
fn what_is_refused_may_use_the_crate_when_it_is_dropped() {
    type Refuse = fn(&Telemetry) -> Result<(), AttachError>;
    let refuse: [Refuse; 2] = [
        |telemetry| telemetry.listen("first", ReentersOnDrop(telemetry.clone())),
        |telemetry| {
            let held = ReentersOnDrop(telemetry.clone());
            telemetry.attach("first", "allm.a", move |_| assert!(size_of_val(&held) > 0))
        },
    ];
    for refuse in refuse {
        let (done, is_done) = channel();
        thread::spawn(move || {
            let telemetry = Telemetry::new();
            telemetry.listen("first", BadStates).unwrap();
            assert_eq!(refuse(&telemetry), Err(AttachError::AlreadyExists { id: "first".into() }));
            done.send(telemetry.list_handlers("").len()).unwrap();
        });
        assert_eq!(is_done.recv_timeout(SOON), Ok(0), "no lock is held while foreign code runs");
    }
}

#[test]
fn a_hook_that_is_set_later_replaces_ours_and_a_hook_may_use_the_crate() {
    passes_in_its_own_process(|| {
        static SEEN: AtomicUsize = AtomicUsize::new(0);
        capture_panic_backtraces();
        std::panic::set_hook(Box::new(|_| {
            let inside = usize::from(current_request_id().is_some());
            execute("hook", [("n", 1)], [("k", 1)]).unwrap();
            SEEN.fetch_add(inside, Ordering::Relaxed);
        }));
        let capture = Capture::new();
        capture.telemetry().attach("bad", "allm.hook", |_| resume_unwind(Box::new("in the hook"))).unwrap();
        let lost = AssertUnwindSafe(async { panic!("lost") }.in_span_infallible(Span::chat())).catch_unwind();
        let payload = capture.scope(lost).now_or_never().unwrap().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"lost"));
        assert_eq!(SEEN.load(Ordering::Relaxed), 1, "the hook ran inside the span");
        let exception = end_of(&capture, SpanName::Chat);
        assert!(text(&exception, "stacktrace").starts_with("in a span created at"), "{exception:?}");
        assert_eq!(capture.named("telemetry.handler.failure").len(), 1);
    });
}

#[test]
fn handlers_and_failure_handlers_that_panic_while_the_thread_unwinds_do_not_abort() {
    passes_in_its_own_process(|| {
        let capture = Capture::new();
        for event in ["allm.step.exception", "allm.chat.exception", "telemetry.handler.failure"] {
            capture.telemetry().attach(event, event, |_| panic!("in a handler")).unwrap();
        }
        let work = async {
            let _first = PanicsOnDrop("inner");
            std::future::pending::<()>().await;
        };
        let work = work.in_span_infallible(Span::step()).in_span_infallible(Span::chat());
        let mut wrapped = Box::pin(capture.scope(work));
        assert!(poll_once(&mut wrapped).is_pending());
        let unwound = panic_text(move || {
            let _wrapped = wrapped;
            resume_unwind(Box::new("first"));
        });
        assert_eq!(unwound, "first");
        capture.assert_balanced();
        assert_eq!(capture.named("telemetry.handler.failure").len(), 3);
    });
}

#[test]
fn an_unobserved_span_aborts_with_a_drop_that_panics_while_the_thread_unwinds_as_a_bare_future_does() {
    let output = in_its_own_process(|| {
        let work = async {
            let _guard = PanicsOnDrop("second");
            std::future::pending::<()>().await;
        };
        let mut wrapped = Box::pin(work.in_span_infallible(Span::chat()));
        assert!(poll_once(&mut wrapped).is_pending());
        println!("it waits");
        panic_text(move || {
            let _wrapped = wrapped;
            resume_unwind(Box::new("first"));
        });
    });
    if let Some(output) = output {
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(!output.status.success() && told.contains("it waits"), "{told}");
    }
}

#[test]
fn a_panic_that_aborts_the_process_ends_no_span_and_what_was_told_before_is_told() {
    let output = in_its_own_process(|| {
        std::panic::set_hook(Box::new(|_| panic!("a panic inside a panic")));
        let telemetry = Telemetry::new();
        telemetry.attach_many("log", SpanName::Chat.events(), |event| println!("{}", event.name())).unwrap();
        let lost = async { panic_any(7_u8) }.in_span_infallible(Span::chat());
        telemetry.scope(lost).now_or_never();
    });
    if let Some(output) = output {
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(!output.status.success() && told.contains("allm.chat.start"), "{told}");
        assert!(!told.contains("allm.chat.stop") && !told.contains("allm.chat.exception"), "{told}");
    }
}

/// A clock that says what it likes.
struct Wild(Arc<AtomicU64>);

impl Clock for Wild {
    fn monotonic(&self) -> u64 {
        const TIMES: [u64; 7] = [u64::MAX, 0, u64::MAX - 1, 5, 1 << 63, 4, u64::MAX];
        let look = self.0.fetch_add(1, Ordering::Relaxed);
        TIMES[usize::try_from(look).unwrap() % TIMES.len()]
    }
    fn system(&self, monotonic: u64) -> u64 {
        !monotonic
    }
}

#[tokio::test]
async fn a_clock_that_jumps_back_and_forth_makes_no_number_wrap() {
    for first_look in 0..7 {
        let clock = Wild(Arc::new(AtomicU64::new(first_look)));
        let capture = Capture::on(Telemetry::with_clock(clock)).unwrap();
        let mut items = [1, 2, 3].into_iter();
        let mut ready = true;
        let tokens = stream::poll_fn(move |cx| {
            ready = !ready;
            cx.waker().wake_by_ref();
            if ready { Poll::Ready(items.next()) } else { Poll::Pending }
        });
        let opened = capture.scope(Span::stream().open_infallible(async { tokens })).await;
        assert_eq!(opened.count().await, 3);
        let stop = end_of(&capture, SpanName::Stream);
        let [waited, longest] = ["producer_wait", "longest_wait"].map(|key| measurement(&stop, key));
        let [duration, read] = ["duration", "consumer_time"].map(|key| measurement(&stop, key));
        assert!(longest <= waited && read == duration.saturating_sub(waited), "{stop:?}");
        let start = the(&capture, SpanName::Stream, Phase::Start);
        let [began, ended] = [&start, &stop].map(|event| measurement(event, "monotonic_time"));
        assert_eq!(duration, ended.saturating_sub(began));
    }
}
