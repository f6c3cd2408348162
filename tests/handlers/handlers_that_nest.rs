//! Handlers that emit from inside themselves, and how deep.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::*;
use allm_telemetry::{Event, Telemetry, execute, testing::Capture};

fn emit(suffix: &str) {
    execute(suffix, [("n", 1)], [("k", 1)]).unwrap();
}

#[test]
fn a_handler_that_emits_its_own_event_for_ever_is_detached_and_reported() {
    let capture = Capture::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let endless = move |_: &Event<'_>| {
        counted.fetch_add(1, Ordering::Relaxed);
        emit("a");
    };
    let noted = Arc::new(AtomicUsize::new(0));
    let notes = noted.clone();
    let witness = move |_: &Event<'_>| {
        notes.fetch_add(1, Ordering::Relaxed);
    };
    capture.telemetry().attach("endless", "allm.a", endless).unwrap();
    capture.telemetry().attach("witness", "allm.a", witness).unwrap();
    capture.run(|| emit("a"));
    assert_eq!(calls.load(Ordering::Relaxed), 64);
    assert_eq!(noted.load(Ordering::Relaxed), 64, "who did nothing wrong stays attached and is called");
    let failures = capture.named("telemetry.handler.failure");
    assert_eq!(failures.iter().map(|it| text(it, "handler_id")).collect::<Vec<_>>(), ["endless"]);
    assert!(text(&failures[0], "reason").contains("64"), "{:?}", failures[0]);
    capture.run(|| emit("a"));
    assert_eq!((calls.load(Ordering::Relaxed), noted.load(Ordering::Relaxed)), (64, 65));
}

#[test]
fn events_may_nest_64_deep() {
    let telemetry = Telemetry::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let deep = move |_: &Event<'_>| {
        if counted.fetch_add(1, Ordering::Relaxed) < 63 {
            emit("a");
        }
    };
    telemetry.attach("deep", "allm.a", deep).unwrap();
    telemetry.run(|| emit("a"));
    assert_eq!((calls.load(Ordering::Relaxed), telemetry.list_handlers("").len()), (64, 1));
}

#[test]
fn who_emits_what_is_too_deep_is_to_blame_and_nobody_further_out() {
    let capture = Capture::new();
    let depth = Arc::new(AtomicUsize::new(0));
    let outer = move |_: &Event<'_>| {
        emit(if depth.fetch_add(1, Ordering::Relaxed) < 62 { "outer" } else { "last" });
    };
    capture.telemetry().attach("outer", "allm.outer", outer).unwrap();
    capture.telemetry().attach("last", "allm.last", |_: &Event<'_>| emit("refused")).unwrap();
    capture.run(|| emit("outer"));
    let failures = capture.named("telemetry.handler.failure");
    assert_eq!(failures.iter().map(|it| text(it, "handler_id")).collect::<Vec<_>>(), ["last"]);
}

/// What failed at a depth leaves the next handler at the same one.
#[test]
fn a_handler_that_fails_deep_inside_gives_the_next_no_more_room() {
    let capture = Capture::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let endless = move |_: &Event<'_>| {
        counted.fetch_add(1, Ordering::Relaxed);
        emit("a");
    };
    capture.telemetry().attach("bad", "allm.a", |_: &Event<'_>| lost()).unwrap();
    capture.telemetry().attach("endless", "allm.a", endless).unwrap();
    capture.run(|| emit("a"));
    assert_eq!(calls.load(Ordering::Relaxed), 64);
}
