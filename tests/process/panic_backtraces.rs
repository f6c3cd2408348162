//! Stack traces of panics, with the opt-in that chains onto the process's panic hook. A process of its own.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::*;
use allm_telemetry::{SpanName, capture_panic_backtraces, event::OwnedEvent, prelude::*, testing::Capture};
use futures::FutureExt as _;

static SEEN_BY_PREVIOUS_HOOK: AtomicUsize = AtomicUsize::new(0);

fn opt_in() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|_| {
            SEEN_BY_PREVIOUS_HOOK.fetch_add(1, Ordering::Relaxed);
        }));
        capture_panic_backtraces();
        capture_panic_backtraces();
    });
}

#[inline(never)]
fn where_it_happens(message: &'static str) {
    panic!("{message}");
}

async fn exception_of(work: impl Future<Output = ()>) -> OwnedEvent {
    opt_in();
    let capture = Capture::new();
    let wrapped = AssertUnwindSafe(capture.scope(async { work.in_span_infallible(Span::chat()).await }));
    assert!(wrapped.catch_unwind().await.is_err());
    end_of(&capture, SpanName::Chat)
}

#[tokio::test]
async fn a_stack_trace_shows_where_the_panic_happened() {
    let exception = exception_of(async { where_it_happens("lost") }).await;
    let trace = text(&exception, "stacktrace");
    assert!(trace.contains("where_it_happens"), "{trace}");
    assert!(!trace.contains("lost"), "a stack trace carries no message: {trace}");
}

#[tokio::test]
async fn a_panic_without_a_text_has_its_place_too() {
    let exception = exception_of(async { panic_any(7_u8) }).await;
    assert!(text(&exception, "stacktrace").contains("panic_backtraces"), "{exception:?}");
}

#[tokio::test]
async fn the_hook_that_was_there_still_runs() {
    opt_in();
    let before = SEEN_BY_PREVIOUS_HOOK.load(Ordering::Relaxed);
    exception_of(async { where_it_happens("lost") }).await;
    assert!(SEEN_BY_PREVIOUS_HOOK.load(Ordering::Relaxed) > before);
}

#[tokio::test]
async fn who_catches_a_panic_and_resumes_another_does_not_get_the_trace_of_the_first() {
    for first in [true, false] {
        let exception = exception_of(async move {
            let caught = if first {
                catch_unwind(|| where_it_happens("first"))
            } else {
                catch_unwind(|| panic_any(7_u8))
            };
            assert!(caught.is_err());
            resume_unwind(Box::new("second"));
        })
        .await;
        let trace = text(&exception, "stacktrace");
        assert_eq!(text(&exception, "reason"), "second");
        assert!(trace.starts_with("in a span created at") && !trace.contains("where_it_happens"), "{trace}");
    }
}

#[tokio::test]
async fn every_span_that_a_panic_passes_shows_where_it_happened() {
    opt_in();
    let capture = Capture::new();
    let tool = async { where_it_happens("lost") }.in_span_infallible(Span::tool("t", "1"));
    let wrapped = AssertUnwindSafe(
        capture.scope(tool.in_span_infallible(Span::step()).in_span_infallible(Span::chat())),
    );
    assert!(wrapped.catch_unwind().await.is_err());
    for name in [SpanName::Tool, SpanName::Step, SpanName::Chat] {
        let trace = text(&end_of(&capture, name), "stacktrace");
        assert!(trace.contains("where_it_happens"), "{name}: {trace}");
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_reported_with_its_place() {
    opt_in();
    let capture = Capture::new();
    capture.telemetry().attach("bad", "allm.chat.stop", |_| where_it_happens("bad handler")).unwrap();
    capture.scope(async {}.in_span_infallible(Span::chat())).await;
    let failure = &capture.named("telemetry.handler.failure")[0];
    assert!(text(failure, "stacktrace").contains("where_it_happens"), "{failure:?}");
}
