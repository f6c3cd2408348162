//! The registry under load: attach, detach, emit and list from many threads, with what is promised of each.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use crate::support::*;
use allm_telemetry::{
    Event, Listener, SpanName, Telemetry, attach, detach, execute,
    handler::{AttachError, MAX_LISTENERS, SubscribeOptions, list_handlers},
    prelude::*,
    testing::Capture,
};
use futures::FutureExt as _;

/// Far longer than anything here takes: a deadlock is told, and not waited out for ever.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs `work(0)` to `work(threads - 1)`, each on a thread of its own, all begun at once.
#[track_caller]
fn on_threads(threads: usize, work: impl Fn(usize) + Clone + Send + 'static) {
    let (begin, (done, is_done)) = (Arc::new(Barrier::new(threads)), channel());
    for thread in 0..threads {
        let (begin, done, work) = (begin.clone(), done.clone(), work.clone());
        thread::spawn(move || {
            begin.wait();
            work(thread);
            done.send(()).unwrap();
        });
    }
    drop(done);
    for ended in 0..threads {
        let told = is_done.recv_timeout(DEADLINE);
        assert!(told.is_ok(), "{ended} of {threads} threads ended, then: {told:?}");
    }
}

fn emit(telemetry: &Telemetry, suffix: &str, n: u64) {
    telemetry.execute(suffix, [("n", n)], [("k", 1)]).unwrap();
}

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[test]
fn an_emission_meets_who_was_attached_before_it_began_and_nobody_who_was_detached_by_then() {
    const GENERATIONS: u64 = 400;
    thread_local! {
        /// The newest handler that the emission of this thread met.
        static MET: Cell<u64> = const { Cell::new(0) };
    }
    #[derive(Default)]
    struct Now {
        attached: AtomicU64,
        detached: AtomicU64,
        /// Calls of a handler by emissions that began after it was detached.
        late: AtomicU64,
        over: AtomicBool,
    }
    let (telemetry, now) = (Telemetry::new(), Arc::new(Now::default()));
    let end = now.clone();
    let emitting = {
        let (telemetry, now) = (telemetry.clone(), now.clone());
        move |_| {
            while !now.over.load(Ordering::SeqCst) {
                let detached = now.detached.load(Ordering::SeqCst);
                let attached = now.attached.load(Ordering::SeqCst);
                MET.set(0);
                emit(&telemetry, "a", detached);
                assert!(MET.get() >= attached, "met {} and not {attached}", MET.get());
            }
        }
    };
    let replacing = move || {
        for generation in 1..=GENERATIONS {
            let ((known, is_known), (after, is_after), there) =
                (sync_channel(1), sync_channel(1), now.clone());
            let handler = move |event: &Event<'_>| {
                let detached = event.measurement("n").and_then(|n| n.as_u64()).unwrap();
                there.late.fetch_add(u64::from(detached >= generation), Ordering::Relaxed);
                MET.set(MET.get().max(generation));
                let _ = known.try_send(());
                if detached + 1 == generation {
                    let _ = after.try_send(());
                }
            };
            telemetry.attach(generation.to_string(), "allm.a", handler).unwrap();
            now.attached.store(generation, Ordering::SeqCst);
            // Threads have it in their copies of the table by now, and the one before it.
            is_known.recv_timeout(DEADLINE).expect("it is called while it is attached");
            if generation > 1 {
                telemetry.detach(&(generation - 1).to_string()).unwrap();
                now.detached.store(generation - 1, Ordering::SeqCst);
            }
            is_after.recv_timeout(DEADLINE).expect("emissions go on after the detach");
        }
        now.over.store(true, Ordering::SeqCst);
    };
    on_threads(4, move |thread| if thread == 0 { replacing() } else { emitting(thread) });
    assert_eq!(end.late.load(Ordering::SeqCst), 0, "who was detached was called again");
}

#[test]
fn any_mix_of_attach_detach_emit_and_list_keeps_the_books() {
    let telemetry = Telemetry::new();
    let attached = Arc::new(AtomicU64::new(0));
    let (there, count) = (telemetry.clone(), attached.clone());
    on_threads(8, move |thread| {
        let mut dice = Dice(0x9e37_79b9 + thread as u64);
        for _ in 0..2_000 {
            let id = format!("id {}", dice.roll(6));
            match dice.roll(5) {
                0 | 1 => match there.attach_many(id.as_str(), ["allm.a", "allm.b"], |_| {}) {
                    Ok(()) => drop(count.fetch_add(1, Ordering::SeqCst)),
                    Err(error) => assert_eq!(error, AttachError::AlreadyExists { id: id.as_str().into() }),
                },
                2 => match there.detach(&id) {
                    Ok(()) => drop(count.fetch_sub(1, Ordering::SeqCst)),
                    Err(error) => assert_eq!(error.id(), id),
                },
                3 => emit(&there, "a", 1),
                _ => {
                    let listed = there.list_handlers("allm.a");
                    let ids: HashSet<_> = listed.iter().map(|handler| handler.id.clone()).collect();
                    assert_eq!(ids.len(), listed.len(), "an id is listed twice: {listed:?}");
                }
            }
        }
    });
    let left = telemetry.list_handlers("allm.a");
    assert_eq!(left.len() as u64, attached.load(Ordering::SeqCst));
    left.iter().for_each(|handler| telemetry.detach(&handler.id).unwrap());
    // The books of who follows what are even: nobody observes a span, then somebody does.
    let observed = |telemetry: &Telemetry| {
        let seen = Cell::new(false);
        let span = Span::chat().observe(|(): &(), _: &mut Record<'_>| seen.set(true));
        telemetry.scope(async {}.in_span_infallible(span)).now_or_never().unwrap();
        seen.get()
    };
    let _elsewhere = Capture::new();
    assert!(!observed(&telemetry));
    telemetry.attach("one", "allm.chat.stop", |_| {}).unwrap();
    assert!(observed(&telemetry));
    telemetry.detach("one").unwrap();
    assert!(!observed(&telemetry));
}

#[test]
fn handlers_that_attach_detach_emit_and_list_from_inside_themselves_do_not_deadlock() {
    let telemetry = Telemetry::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let busy = move |event: &Event<'_>| {
        let n = event.measurement("n").and_then(|n| n.as_u64()).unwrap();
        counted.fetch_add(1, Ordering::Relaxed);
        let id = format!("inner {n}");
        let _ = attach(id.as_str(), "allm.b", |_| {
            let _ = list_handlers("allm");
        });
        execute("b", [("n", n)], [("k", 1)]).unwrap();
        let _ = list_handlers("");
        let _ = detach(&id);
        async {}.in_span_infallible(Span::chat()).now_or_never().unwrap();
    };
    telemetry.attach("busy", "allm.a", busy.clone()).unwrap();
    telemetry.attach("busy too", "allm.chat.stop", |_| drop(detach("inner 0"))).unwrap();
    let there = telemetry.clone();
    on_threads(6, move |thread| {
        let there = &there;
        there.run(|| (0..300).for_each(|turn| emit(there, "a", (thread as u64 + turn) % 8)));
    });
    assert_eq!(calls.load(Ordering::Relaxed), 1_800, "who stays attached gets every event");
    let mut left: Vec<_> = telemetry.list_handlers("").iter().map(|handler| handler.id.to_string()).collect();
    left.retain(|id| !id.starts_with("inner"));
    assert_eq!(left, ["busy", "busy too"]);
}

#[test]
fn a_handler_that_panics_on_many_threads_at_once_is_reported_once() {
    for _ in 0..50 {
        let capture = Capture::new();
        let all_inside = Barrier::new(4);
        let bad = move |_: &Event<'_>| {
            all_inside.wait();
            std::panic::resume_unwind(Box::new("bad"))
        };
        capture.telemetry().attach("bad", "allm.a", bad).unwrap();
        let there = capture.telemetry().clone();
        on_threads(4, move |_| emit(&there, "a", 1));
        assert_eq!(capture.named("telemetry.handler.failure").len(), 1);
        assert!(capture.telemetry().list_handlers("allm.a").is_empty());
    }
}

#[test]
fn a_handler_that_panics_late_does_not_detach_who_has_its_id_by_then() {
    let capture = Capture::new();
    let (inside, (go, wait)) = (Arc::new(Barrier::new(2)), sync_channel::<()>(0));
    let (is_inside, wait) = (inside.clone(), std::sync::Mutex::new(wait));
    let late = move |_: &Event<'_>| {
        is_inside.wait();
        wait.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        std::panic::resume_unwind(Box::new("late"))
    };
    capture.telemetry().attach("id", "allm.a", late).unwrap();
    let there = capture.telemetry().clone();
    let emitting = thread::spawn(move || emit(&there, "a", 1));
    inside.wait();
    capture.telemetry().detach("id").unwrap();
    capture.telemetry().attach("id", "allm.a", |_| {}).unwrap();
    go.send(()).unwrap();
    emitting.join().unwrap();
    assert_eq!(capture.telemetry().list_handlers("allm.a").len(), 1);
    assert!(capture.named("telemetry.handler.failure").is_empty(), "it was detached before it failed");
}

/// Follows and keeps nothing.
struct Silent;

impl Listener for Silent {
    type Built = ();
    type State = ();
    fn on_build(&self) {}
    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&()>) {}
    fn on_end(&self, (): &(), _: &Event<'_>) {}
}

#[test]
fn the_cap_on_listeners_holds_when_all_come_at_once() {
    let (telemetry, accepted) = (Telemetry::new(), Arc::new(AtomicUsize::new(0)));
    let (there, count) = (telemetry.clone(), accepted.clone());
    on_threads(24, move |thread| match there.listen(thread.to_string(), Silent) {
        Ok(()) => drop(count.fetch_add(1, Ordering::Relaxed)),
        Err(error) => assert_eq!(error, AttachError::TooManyListeners),
    });
    assert_eq!(accepted.load(Ordering::Relaxed), MAX_LISTENERS);
    let there = telemetry.clone();
    on_threads(8, move |thread| {
        for turn in 0..200 {
            let id = format!("{thread} {turn}");
            let _ = there.detach(&(thread + turn).to_string());
            if there.listen(id.as_str(), Silent).is_ok() {
                there.scope(async {}.in_span_infallible(Span::chat())).now_or_never().unwrap();
                there.detach(&id).unwrap();
            }
        }
    });
    let listed = telemetry.list_handlers("allm.chat.stop");
    assert!(listed.len() <= MAX_LISTENERS);
    listed.iter().for_each(|listener| telemetry.detach(&listener.id).unwrap());
    for n in 0..MAX_LISTENERS {
        telemetry.listen(n.to_string(), Silent).unwrap();
    }
    assert_eq!(telemetry.listen("more", Silent), Err(AttachError::TooManyListeners));
}

#[test]
fn spans_on_many_threads_begin_and_end_once_while_handlers_and_listeners_come_and_go() {
    let capture = Capture::new();
    let there = capture.clone();
    on_threads(6, move |thread| {
        let telemetry = there.telemetry();
        for turn in 0..150 {
            let id = format!("{thread} {turn}");
            if thread < 2 {
                telemetry.attach_many(id.as_str(), SpanName::Step.events(), |_| {}).unwrap();
                let listening = telemetry.listen(format!("{id} listens"), Silent);
                let waits = std::future::pending::<()>().in_span_infallible(Span::tool("t", "1"));
                assert_eq!(there.scope(waits).now_or_never(), None);
                telemetry.detach(&id).unwrap();
                listening.unwrap();
                telemetry.detach(&format!("{id} listens")).unwrap();
            } else {
                let step = async { Answer::<()>::Err(refused()) }.in_span(Span::step());
                drop(there.scope(step.in_span_infallible(Span::chat())).now_or_never().unwrap());
            }
        }
    });
    capture.assert_balanced();
    let ended = |span: SpanName, phase| capture.named(span.event(phase).as_str()).len();
    use allm_telemetry::event::Phase::{Exception, Stop};
    assert_eq!((ended(SpanName::Chat, Stop), ended(SpanName::Step, Stop)), (600, 600));
    assert_eq!(ended(SpanName::Tool, Exception), 300);
}

#[test]
fn what_a_subscription_accepted_is_read_and_the_rest_is_counted() {
    const THREADS: usize = 4;
    const EACH: u64 = 2_000;
    let telemetry = Telemetry::new();
    let mut events = telemetry.subscribe_with("queue", ["allm.a"], SubscribeOptions::new(16)).unwrap();
    let (there, over) = (telemetry.clone(), Arc::new(AtomicBool::new(false)));
    let is_over = over.clone();
    let reading = thread::spawn(move || {
        let mut read = 0;
        loop {
            let last_look = is_over.load(Ordering::SeqCst);
            read += std::iter::from_fn(|| events.try_next()).count() as u64;
            if last_look {
                return (read, events.counts());
            }
            thread::yield_now();
        }
    });
    on_threads(THREADS, move |_| (0..EACH).for_each(|n| emit(&there, "a", n)));
    over.store(true, Ordering::SeqCst);
    let (read, counts) = reading.join().unwrap();
    assert_eq!((read, read + counts.lost()), (counts.accepted(), THREADS as u64 * EACH));
}
