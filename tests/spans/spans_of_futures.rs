//! A future's span: one start with its first poll, one end, and what really happened.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{pending, ready};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use crate::support::*;
use allm_telemetry::{
    SpanName,
    event::{Outcome, Phase, Value},
    observe::Failure,
    prelude::*,
    testing::Capture,
};
use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::time::timeout;

#[tokio::test]
async fn a_future_that_is_ready_ends_as_completed() {
    let capture = Capture::new();
    let answer = capture.scope(async { Answer::Ok(4) }.in_span(Span::generate())).await;
    assert_eq!(answer.unwrap(), 4);
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!(names(&capture), ["generate.start", "generate.stop"]);
    assert_eq!(text(&stop, "outcome"), "completed");
    assert_eq!((value(&stop, "error"), value(&stop, "error_type")), (Value::Null, Value::Null));
}

#[tokio::test]
async fn a_future_that_is_ready_with_err_is_a_stop_with_error_and_no_exception() {
    let capture = Capture::new();
    let answer = capture.scope(async { Answer::<u8>::Err(refused()) }.in_span(Span::generate())).await;
    assert_eq!(answer.unwrap_err().to_string(), "refused");
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!(stop.as_event().phase(), Some(Phase::Stop));
    assert_eq!((text(&stop, "outcome"), text(&stop, "error")), ("error".into(), "refused".into()));
    assert_eq!(text(&stop, "error_type"), "io::Error");
}

#[tokio::test]
async fn a_plain_future_looks_at_nothing_so_its_err_is_completed() {
    let capture = Capture::new();
    let answer =
        capture.scope(async { Answer::<u8>::Err(refused()) }.in_span_infallible(Span::tool("t", "1"))).await;
    assert!(answer.is_err());
    capture.assert_outcome(SpanName::Tool, Outcome::Completed);
}

#[track_caller]
fn assert_cancelled(capture: &Capture) {
    let exception = end_of(capture, SpanName::Tool);
    assert_eq!(exception.as_event().phase(), Some(Phase::Exception));
    assert_eq!(text(&exception, "outcome"), "cancelled");
    assert_eq!(
        (text(&exception, "kind"), text(&exception, "error_type")),
        ("cancelled".into(), "cancelled".into())
    );
    assert_eq!((value(&exception, "reason"), value(&exception, "stacktrace")), (Value::Null, Value::Null));
}

#[tokio::test(start_paused = true)]
async fn a_future_that_times_out_ends_as_cancelled() {
    let capture = Capture::new();
    let tool = pending::<()>().in_span_infallible(Span::tool("slow", "1"));
    assert!(capture.scope(timeout(ms(50), tool)).await.is_err());
    assert_cancelled(&capture);
    assert_eq!(millis(&end_of(&capture, SpanName::Tool), "duration"), 50);
}

#[tokio::test(start_paused = true)]
async fn a_future_that_loses_a_select_ends_as_cancelled() {
    let capture = Capture::new();
    capture
        .scope(async {
            tokio::select! {
                biased;
                () = pending().in_span_infallible(Span::tool("loser", "1")) => {}
                () = pause(1) => {}
            }
        })
        .await;
    assert_cancelled(&capture);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_aborted_ends_its_span_as_cancelled() {
    let capture = Capture::new();
    let task = tokio::spawn(capture.scope(pending::<()>().in_span_infallible(Span::tool("t", "1"))));
    capture.wait_for("allm.tool.start", ms(10)).await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_cancelled(&capture);
}

#[test]
fn a_runtime_that_shuts_down_ends_its_spans_as_cancelled() {
    let capture = Capture::new();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.spawn(capture.scope(pending::<()>().in_span_infallible(Span::tool("t", "1"))));
    runtime.block_on(capture.wait_for("allm.tool.start", ms(10_000))).unwrap();
    drop(runtime);
    assert_cancelled(&capture);
}

#[tokio::test]
async fn a_future_that_is_dropped_without_a_poll_says_nothing() {
    let capture = Capture::new();
    capture.run(|| drop(pending::<()>().in_span_infallible(Span::chat())));
    assert!(capture.events().is_empty());
}

#[tokio::test]
async fn a_future_that_panics_ends_as_panicked() {
    let capture = Capture::new();
    let city = String::from("Atlantis");
    let tool = async { panic!("no such city: {city}") }.in_span_infallible(Span::tool("weather", "1"));
    let payload = capture.scope(AssertUnwindSafe(tool).catch_unwind()).await.unwrap_err();
    assert_eq!(payload.downcast_ref::<String>().unwrap(), "no such city: Atlantis");
    let exception = end_of(&capture, SpanName::Tool);
    assert_eq!((text(&exception, "outcome"), text(&exception, "kind")), ("panicked".into(), "panic".into()));
    assert_eq!(text(&exception, "reason"), "no such city: Atlantis");
    assert_eq!(text(&exception, "error_type"), "panic");
    assert!(text(&exception, "stacktrace").contains("spans_of_futures.rs"), "{exception:?}");
}

#[tokio::test]
async fn a_panic_goes_on_with_the_very_payload_that_it_had() {
    let capture = Capture::new();
    let payload: Box<dyn Any + Send> = Box::new(vec![7_u8]);
    let address = payload.downcast_ref::<Vec<u8>>().unwrap().as_ptr();
    let work = async { std::panic::resume_unwind(payload) }.in_span_infallible(Span::chat());
    let caught = capture.scope(AssertUnwindSafe(work).catch_unwind()).await.unwrap_err();
    assert_eq!(caught.downcast_ref::<Vec<u8>>().unwrap().as_ptr(), address);
}

#[tokio::test]
async fn a_panic_whose_payload_is_no_text_has_a_reason_and_a_stack_trace_all_the_same() {
    let capture = Capture::new();
    let work = async { std::panic::panic_any(7_u8) }.in_span_infallible(Span::chat());
    let caught = capture.scope(AssertUnwindSafe(work).catch_unwind()).await.unwrap_err();
    assert_eq!(caught.downcast_ref::<u8>(), Some(&7));
    let exception = end_of(&capture, SpanName::Chat);
    assert!(!text(&exception, "reason").is_empty() && !text(&exception, "stacktrace").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_futures_span_starts_with_its_first_poll() {
    let capture = Capture::new();
    let chat = capture.run(|| pause(20).in_span_infallible(Span::chat()));
    pause(1_000).await;
    assert!(capture.events().is_empty());
    capture.scope(chat).await;
    assert_eq!(millis(&end_of(&capture, SpanName::Chat), "duration"), 20);
}

#[tokio::test(start_paused = true)]
async fn the_monotonic_times_of_start_and_end_differ_by_the_duration() {
    let capture = Capture::new();
    capture.scope(pause(20).in_span_infallible(Span::chat())).await;
    let (start, stop) = (the(&capture, SpanName::Chat, Phase::Start), end_of(&capture, SpanName::Chat));
    let difference = measurement(&stop, "monotonic_time") - measurement(&start, "monotonic_time");
    assert_eq!(difference, measurement(&stop, "duration"));
    assert!(measurement(&start, "system_time") > 1_600_000_000_000_000_000, "{start:?}");
}

#[tokio::test]
async fn what_is_wrapped_may_borrow_and_need_not_be_send() {
    let capture = Capture::new();
    let (words, seen) = (vec![String::from("one"), String::from("two")], Cell::new(0));
    let span = Span::chat().observe(|word: &&String, _: &mut _| seen.set(word.len()));
    let counted = Rc::new(RefCell::new(0));
    let longest = async { (counted.replace(1), words.last().unwrap()).1 };
    assert!(std::ptr::eq(capture.scope(longest.in_span_infallible(span)).await, &words[1]));
    assert_eq!(seen.get(), 3);
}

#[tokio::test]
async fn a_wrapped_future_is_woken_by_the_waker_that_polled_it_and_no_more_often() {
    let (capture, wakes) = (Capture::new(), Arc::new(Wakes::default()));
    let waker = Waker::from(wakes.clone());
    let polls = Cell::new(0);
    let inner = std::future::poll_fn(|cx| {
        assert!(cx.waker().will_wake(&waker));
        polls.set(polls.get() + 1);
        if polls.get() < 3 { Poll::Pending } else { Poll::Ready(()) }
    });
    let mut wrapped = pin!(capture.scope(inner.in_span_infallible(Span::chat())));
    let polled = [(); 3].map(|()| wrapped.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    assert_eq!((polled, wakes.0.load(Ordering::Relaxed)), ([false, false, true], 0));
    assert_eq!(polls.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_a_cancelled_future_holds_ends_before_it_does() {
    let capture = Capture::new();
    let chat = async {
        let mut tokens = stream::pending::<u8>().in_span_infallible(Span::stream());
        tokens.next().await
    };
    let chat = chat.in_span_infallible(Span::chat());
    assert!(capture.scope(timeout(ms(5), chat)).await.is_err());
    assert_eq!(names(&capture), ["chat.start", "stream.start", "stream.stop", "chat.exception"]);
    capture.assert_outcome(SpanName::Stream, Outcome::Dropped);
}

#[tokio::test]
async fn what_a_ready_future_still_holds_ends_before_it_does() {
    struct Holds<S>(S);
    impl<S> Future for Holds<S> {
        type Output = ();
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            let _held = &self.0;
            Poll::Ready(())
        }
    }
    let capture = Capture::new();
    let chat = async {
        Holds(stream::pending::<u8>().in_span_infallible(Span::stream()))
            .in_span_infallible(Span::step())
            .await
    };
    capture.scope(chat).await;
    assert_eq!(names(&capture), ["stream.start", "step.start", "stream.stop", "step.stop"]);
}

#[tokio::test]
async fn a_panic_in_the_drop_of_a_ready_future_changes_no_outcome_and_goes_on() {
    let capture = Capture::new();
    let guard = PanicsOnDrop("dropped badly");
    let inner = std::future::poll_fn(move |_| {
        let _held = &guard;
        Poll::Ready(Answer::Ok(1))
    });
    let mut wrapped = Box::pin(capture.scope(inner.in_span(Span::generate())));
    assert_eq!(panic_text(|| poll_once(&mut wrapped)), "dropped badly");
    assert_eq!(text(&end_of(&capture, SpanName::Generate), "outcome"), "completed");
}

#[tokio::test]
async fn a_panic_in_the_drop_of_a_cancelled_future_changes_no_outcome_and_goes_on() {
    let capture = Capture::new();
    let work = async {
        let _guard = PanicsOnDrop("dropped badly");
        pending::<()>().await;
    };
    let mut wrapped = Box::pin(capture.scope(work.in_span_infallible(Span::tool("t", "1"))));
    assert!(poll_once(&mut wrapped).is_pending());
    assert_eq!(panic_text(|| drop(wrapped)), "dropped badly");
    assert_cancelled(&capture);
}

#[tokio::test]
async fn the_first_of_two_panics_is_the_one_that_is_told_and_goes_on() {
    let capture = Capture::new();
    let guard = PanicsOnDrop("second");
    let inner = std::future::poll_fn::<(), _>(move |_| {
        let _held = &guard;
        std::panic::resume_unwind(Box::new("first"))
    });
    let mut wrapped = Box::pin(capture.scope(inner.in_span_infallible(Span::chat())));
    assert_eq!(panic_text(|| poll_once(&mut wrapped)), "first");
    assert_eq!(text(&end_of(&capture, SpanName::Chat), "reason"), "first");
}

#[tokio::test]
async fn a_span_that_is_dropped_while_the_thread_unwinds_ends_once_and_does_not_abort() {
    let capture = Capture::new();
    let unwound = panic_text(|| {
        let work = async {
            let _guard = PanicsOnDrop("second");
            pending::<()>().await;
        };
        let mut wrapped = Box::pin(capture.scope(work.in_span_infallible(Span::tool("t", "1"))));
        assert!(poll_once(&mut wrapped).is_pending());
        std::panic::resume_unwind(Box::new("first"));
    });
    assert_eq!(unwound, "first");
    assert_cancelled(&capture);
}

#[tokio::test]
async fn a_handler_that_panics_while_the_thread_unwinds_does_not_abort() {
    let capture = Capture::new();
    capture.telemetry().attach("bad", "allm.tool.exception", |_| panic!("in a handler")).unwrap();
    panic_text(|| {
        let mut wrapped = Box::pin(capture.scope(pending::<()>().in_span_infallible(Span::tool("t", "1"))));
        assert!(poll_once(&mut wrapped).is_pending());
        std::panic::resume_unwind(Box::new("first"));
    });
    assert_eq!(names(&capture), ["tool.start", "tool.exception", "telemetry.handler.failure"]);
}

#[tokio::test]
async fn a_future_that_is_polled_after_it_was_ready_panics_and_emits_nothing_more() {
    let capture = Capture::new();
    let mut wrapped = Box::pin(capture.run(|| ready(1).in_span_infallible(Span::chat())));
    capture.run(|| assert!(poll_once(&mut wrapped).is_ready()));
    let text = panic_text(|| capture.run(|| poll_once(&mut wrapped)));
    assert!(text.contains("polled after completion"), "{text}");
    drop(wrapped);
    assert_eq!(names(&capture), ["chat.start", "chat.stop"]);
}

#[test]
fn a_future_that_moves_between_threads_starts_once_and_ends_once() {
    let capture = Capture::new();
    let mut wrapped = Box::pin(capture.scope(tokio::task::yield_now().in_span_infallible(Span::chat())));
    for _ in 0..2 {
        wrapped = std::thread::spawn(move || {
            let _ = poll_once(&mut wrapped);
            wrapped
        })
        .join()
        .unwrap();
    }
    assert_eq!(names(&capture), ["chat.start", "chat.stop"]);
}

#[tokio::test]
async fn an_error_is_classed_by_what_the_closure_says_and_keeps_its_text() {
    let capture = Capture::new();
    let span = Span::generate().error_type(|error: &std::io::Error| error.kind().to_string());
    let _ = capture.scope(async { Answer::<u8>::Err(refused()) }.in_span(span)).await;
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "error_type"), text(&stop, "error")), ("other error".into(), "refused".into()));
}

#[tokio::test]
async fn an_error_without_display_is_described_by_a_closure() {
    struct Opaque(u16);
    let capture = Capture::new();
    let span = Span::generate().error_with(|error: &Opaque| Failure::new("http", error.0.to_string()));
    assert!(capture.scope(async { Err::<u8, _>(Opaque(503)) }.in_span(span)).await.is_err());
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "error_type"), text(&stop, "error")), ("http".into(), "503".into()));
}

#[tokio::test]
async fn an_error_whose_display_panics_is_an_error_all_the_same() {
    #[derive(Debug)]
    struct Bad;
    impl fmt::Display for Bad {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no text for you")
        }
    }
    let capture = Capture::new();
    assert!(capture.scope(async { Err::<u8, _>(Bad) }.in_span(Span::generate())).await.is_err());
    let stop = end_of(&capture, SpanName::Generate);
    assert_eq!((text(&stop, "outcome"), text(&stop, "error_type")), ("error".into(), "_OTHER".into()));
    assert_eq!(capture.named("telemetry.handler.failure").len(), 1);
}

#[tokio::test]
async fn two_spans_never_have_the_same_id() {
    let capture = Capture::new();
    for _ in 0..100 {
        capture.scope(ready(()).in_span_infallible(Span::chat())).await;
    }
    let ids: std::collections::HashSet<_> =
        capture.events().iter().map(|it| it.as_event().span_id()).collect();
    assert_eq!(ids.len(), 100);
    let start = &capture.named("allm.chat.start")[0];
    let id = text(start, "span_id");
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
}
