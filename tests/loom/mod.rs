//! The registry in every order: loom runs each model once for every way in which its threads can take turns, and for
//! every value that the memory model lets a load see. The code is the crate's own; only the concurrent map is another.
//!
//! ```sh
//! RUSTFLAGS='--cfg allm_loom' cargo test --release --no-default-features --lib models
//! ```
#![allow(unreachable_pub, unused_imports, reason = "the names are those of the real ones")]

pub(super) mod shared;

use std::sync::Arc;
use std::sync::atomic::AtomicU32 as Count;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::interest::{EventSet, is_observed_anywhere};
use super::{AttachError, Listener, Telemetry};
use crate::event::Event;

/// How often loom interrupts a thread that could go on. Nearly all races need one or two.
const PREEMPTIONS: usize = 3;

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(PREEMPTIONS));
    builder.check(run);
}

/// A handle, and how often its handler was called. What counts is no part of the model.
#[derive(Clone)]
struct Scene {
    telemetry: Telemetry,
    calls: Arc<Count>,
}

impl Scene {
    fn new() -> Self {
        Self { telemetry: Telemetry::new(), calls: Arc::default() }
    }

    fn attach(&self, id: &str) -> Result<(), AttachError> {
        let calls = self.calls.clone();
        self.telemetry.attach(id, "allm.a", move |_: &Event<'_>| {
            calls.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Emits; gives how many handlers were called.
    fn emit(&self) -> u32 {
        let before = self.calls.load(Ordering::Relaxed);
        self.telemetry.execute("a", [("n", 1)], [("k", 1)]).unwrap();
        self.calls.load(Ordering::Relaxed) - before
    }

    /// The books are even: what is attached is followed, here and anywhere, and nothing else is.
    fn assert_even(&self) {
        let attached = !self.telemetry.list_handlers("").is_empty();
        assert_eq!(self.telemetry.follows(EventSet::CUSTOM), attached);
        assert_eq!(is_observed_anywhere(EventSet::CUSTOM), attached);
        assert_eq!(self.emit() > 0, attached);
    }
}

/// Does `work` on a thread of its own. `Acquire` the flag to know that it returned.
fn meanwhile(work: impl FnOnce() + 'static) -> (thread::JoinHandle<()>, Arc<AtomicBool>) {
    let returned = Arc::new(AtomicBool::new(false));
    let tells = returned.clone();
    let working = thread::spawn(move || {
        work();
        tells.store(true, Ordering::Release);
    });
    (working, returned)
}

#[test]
fn an_emission_that_begins_after_attach_returned_reaches_the_handler() {
    model(|| {
        let scene = Scene::new();
        let there = scene.clone();
        let (attaching, returned) = meanwhile(move || there.attach("h").unwrap());
        let known = returned.load(Ordering::Acquire);
        assert!(scene.emit() == 1 || !known);
        attaching.join().unwrap();
        assert_eq!(scene.emit(), 1, "the copy of this thread is renewed");
    });
}

#[test]
fn a_thread_with_a_copy_of_the_table_sees_who_comes_and_who_goes() {
    model(|| {
        let scene = Scene::new();
        scene.attach("old").unwrap();
        assert_eq!(scene.emit(), 1);
        let there = scene.clone();
        let (attaching, returned) = meanwhile(move || there.attach("new").unwrap());
        let known = returned.load(Ordering::Acquire);
        assert!(scene.emit() == 2 || !known);
        attaching.join().unwrap();
        assert_eq!(scene.emit(), 2);
    });
    model(|| {
        let scene = Scene::new();
        scene.attach("old").unwrap();
        scene.attach("stays").unwrap();
        assert_eq!(scene.emit(), 2);
        let there = scene.clone();
        let (detaching, returned) = meanwhile(move || there.telemetry.detach("old").unwrap());
        let known = returned.load(Ordering::Acquire);
        assert!(scene.emit() == 1 || !known);
        detaching.join().unwrap();
        assert_eq!(scene.emit(), 1);
    });
}

#[test]
fn two_who_attach_at_once_are_both_called() {
    model(|| {
        let scene = Scene::new();
        let there = scene.clone();
        let other = thread::spawn(move || {
            there.attach("one").unwrap();
            assert!(there.telemetry.follows(EventSet::CUSTOM));
        });
        scene.attach("two").unwrap();
        assert!(scene.telemetry.follows(EventSet::CUSTOM));
        other.join().unwrap();
        assert_eq!(scene.emit(), 2);
    });
}

#[test]
fn who_attaches_and_who_detaches_one_id_at_once_leave_the_books_even() {
    model(|| {
        let scene = Scene::new();
        let there = scene.clone();
        let other = thread::spawn(move || {
            let _ = there.telemetry.detach("h");
        });
        scene.attach("h").unwrap();
        other.join().unwrap();
        scene.assert_even();
    });
    model(|| {
        let scene = Scene::new();
        let there = scene.clone();
        let other = thread::spawn(move || there.attach("h").is_ok());
        let here = scene.attach("h").is_ok();
        assert!(here != other.join().unwrap(), "an id is unique");
        scene.telemetry.detach("h").unwrap();
        scene.assert_even();
    });
}

#[test]
fn a_handle_that_goes_takes_what_it_follows_with_it() {
    model(|| {
        let scene = Scene::new();
        let other = thread::spawn(|| Scene::new().attach("h").unwrap());
        scene.attach("h").unwrap();
        other.join().unwrap();
        assert!(is_observed_anywhere(EventSet::CUSTOM));
        drop(scene);
        assert!(!is_observed_anywhere(EventSet::CUSTOM));
    });
}

#[test]
fn a_handler_that_fails_late_does_not_detach_who_has_its_id_by_then() {
    model(|| {
        let scene = Scene::new();
        let fails = |_: &Event<'_>| std::panic::resume_unwind(Box::new("fails"));
        scene.telemetry.attach("h", "allm.a", fails).unwrap();
        let there = scene.clone();
        let emitting = thread::spawn(move || there.telemetry.execute("a", [("n", 1)], [("k", 1)]).unwrap());
        let _ = scene.telemetry.detach("h");
        scene.attach("h").unwrap();
        emitting.join().unwrap();
        assert_eq!(scene.emit(), 1);
    });
}

#[test]
fn a_subscription_that_is_dropped_does_not_detach_who_has_its_id_by_then() {
    model(|| {
        let scene = Scene::new();
        let events = scene.telemetry.subscribe("h", ["allm.a"], 1).unwrap();
        // What loom cannot look into runs with the store before it: for loom to interrupt behind it.
        let begun = Arc::new(AtomicBool::new(false));
        let begins = begun.clone();
        let dropping = thread::spawn(move || {
            begins.store(true, Ordering::Release);
            drop(events);
        });
        let _ = begun.load(Ordering::Acquire);
        let _ = scene.telemetry.detach("h");
        scene.attach("h").unwrap();
        dropping.join().unwrap();
        assert_eq!(scene.emit(), 1);
    });
}

struct Silent;

impl Listener for Silent {
    type Built = ();
    type State = ();
    fn on_build(&self) {}
    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&()>) {}
    fn on_end(&self, (): &(), _: &Event<'_>) {}
}

#[test]
fn a_span_that_starts_after_listen_returned_meets_the_listener() {
    model(|| {
        let scene = Scene::new();
        let there = scene.clone();
        let (listening, returned) = meanwhile(move || there.telemetry.listen("l", Silent).unwrap());
        let known = returned.load(Ordering::Acquire);
        assert!(scene.telemetry.with_listeners(|_| ()).is_some() || !known);
        listening.join().unwrap();
        let there = scene.clone();
        let (detaching, returned) = meanwhile(move || there.telemetry.detach("l").unwrap());
        let known = returned.load(Ordering::Acquire);
        assert!(scene.telemetry.with_listeners(|_| ()).is_none() || !known);
        detaching.join().unwrap();
        assert!(scene.telemetry.with_listeners(|_| ()).is_none());
    });
}
