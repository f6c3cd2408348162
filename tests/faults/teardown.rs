//! A live span that is dropped in a thread's last moments. A process of its own: an abort would end all tests in it.

use std::cell::RefCell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::thread;

use crate::support::*;
use allm_telemetry::{Context, RequestId, SpanName, current_request_id, prelude::*, testing::Capture};
use futures::stream;

thread_local! {
    /// What a thread still holds when it ends.
    static HELD: RefCell<Vec<Box<dyn std::any::Any>>> = const { RefCell::new(Vec::new()) };
}

fn hold(held: impl std::any::Any) {
    HELD.with_borrow_mut(|all| all.push(Box::new(held)));
}

/// Runs on a thread that touches the holder first or last, so that other thread-locals die before it and after it.
fn on_threads(work: impl Fn() + Clone + Send + 'static) {
    for holder_first in [true, false] {
        let work = work.clone();
        let thread = thread::spawn(move || {
            if holder_first {
                HELD.with_borrow(Vec::len);
            }
            let _ = (RequestId::random(), current_request_id());
            work();
        });
        thread.join().unwrap();
    }
}

type Boxed = Pin<Box<dyn Future<Output = ()>>>;

/// A future in a span that was polled once.
fn begun(capture: &Capture, work: impl Future<Output = ()> + 'static, span: Span) -> Boxed {
    let mut begun: Boxed = Box::pin(capture.scope(work.in_span_infallible(span)));
    assert!(poll_once(&mut begun).is_pending());
    begun
}

#[test]
fn a_future_ends_as_cancelled() {
    let capture = Capture::new();
    let inside = capture.clone();
    on_threads(move || hold(begun(&inside, pending(), Span::chat())));
    assert_eq!(names(&capture), ["chat.start", "chat.exception"].repeat(2));
}

#[test]
fn a_future_ends_as_cancelled_though_a_clock_was_paused_once() {
    let paused = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    drop(paused.unwrap());
    let capture = Capture::new();
    let inside = capture.clone();
    on_threads(move || hold(begun(&inside, pending(), Span::chat())));
    assert_eq!(names(&capture), ["chat.start", "chat.exception"].repeat(2));
}

#[test]
fn a_stream_ends_as_dropped() {
    let capture = Capture::new();
    let inside = capture.clone();
    on_threads(move || hold(inside.run(|| stream::pending::<u8>().in_span_infallible(Span::stream()))));
    assert_eq!(names(&capture), ["stream.start", "stream.stop"].repeat(2));
}

#[test]
fn a_span_by_hand_ends_as_cancelled() {
    let capture = Capture::new();
    let inside = capture.clone();
    on_threads(move || hold(inside.run(|| Span::chat().start())));
    assert_eq!(names(&capture), ["chat.start", "chat.exception"].repeat(2));
}

#[test]
fn what_runs_in_its_drop_still_has_the_context_and_may_open_spans() {
    let capture = Capture::new();
    let inside = capture.clone();
    on_threads(move || {
        let guard = OnDrop(|| {
            let id = current_request_id();
            assert!(id.is_some() && id == Context::current().request_id());
            let tool = Span::tool("clean up", "1").start();
            tool.complete();
        });
        let work = async move { (pending::<()>().await, drop(guard)).0 };
        hold(begun(&inside, work, Span::chat()));
    });
    assert_eq!(names(&capture), ["chat.start", "tool.start", "tool.stop", "chat.exception"].repeat(2));
    let (chat, tool) = (&capture.named("allm.chat.start")[0], &capture.named("allm.tool.start")[0]);
    assert_eq!(tool.as_event().parent_span_id(), chat.as_event().span_id());
    assert_eq!(request_of(tool), request_of(chat));
}

#[test]
fn an_unobserved_span_is_dropped_quietly() {
    on_threads(|| {
        let guard = OnDrop(|| assert!(current_request_id().is_some()));
        let mut chat =
            Box::pin(async move { (pending::<()>().await, drop(guard)) }.in_span_infallible(Span::chat()));
        assert!(poll_once(&mut chat).is_pending());
        hold(chat);
    });
}

#[test]
fn a_span_may_begin_and_end_there() {
    let capture = Capture::new();
    let inside = capture.clone();
    on_threads(move || {
        let capture = inside.clone();
        hold(OnDrop(move || {
            capture.run(|| Span::chat().start().complete());
            capture.telemetry().execute("late", [("n", 1)], [("k", 1)]).unwrap();
            assert_eq!(RequestId::random().as_str().len(), 22);
        }));
    });
    assert_eq!(names(&capture), ["chat.start", "chat.stop"].repeat(2));
}

#[test]
fn handlers_may_be_detached_there() {
    let capture = Capture::new();
    let inside = capture.clone();
    on_threads(move || {
        let capture = inside.clone();
        hold(OnDrop(move || {
            capture.telemetry().attach("late", "allm.chat.stop", |_| panic!("bad")).unwrap();
            capture.run(|| Span::chat().start().complete());
            capture.telemetry().detach("late").unwrap_err();
        }));
    });
    assert_eq!(capture.named("telemetry.handler.failure").len(), 2);
    assert_eq!(capture.named(SpanName::Chat.event(allm_telemetry::event::Phase::Stop).as_str()).len(), 2);
}
