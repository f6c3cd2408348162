use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::failure::{self, Failure};
use super::fence::{Caught, fence};
use super::follower::{Erased, Follower};
use super::table::Attached;
use super::telemetry::Telemetry;
use crate::event::{Event, EventName, Phase, SpanName};

/// What the listeners captured where a span was built.
#[derive(Default)]
pub(crate) struct Built(Vec<(u64, Box<Erased>)>);

/// What the listeners keep for a span: their own states, and those of the spans around it.
#[derive(Clone, Default)]
pub(crate) struct States(Vec<Kept>);

#[derive(Clone)]
struct Kept {
    key: u64,
    /// Whether the state is of this very span; else of the nearest one around it.
    own: bool,
    state: Arc<Erased>,
}

impl Built {
    /// Lets every listener capture what it needs where a span is built.
    pub(crate) fn capture(telemetry: &Telemetry, name: SpanName, listeners: &[Arc<Follower>]) -> Self {
        let mut captured = Vec::new();
        for follower in listeners.iter().filter(|follower| follower.follows(name)) {
            let built = guarded(telemetry, follower, &name.event(Phase::Start), || follower.listener.built());
            captured.extend(built.map(|built| (follower.key, built)));
        }
        Self(captured)
    }

    fn take(&mut self, key: u64) -> Option<Box<Erased>> {
        let place = self.0.iter().position(|(of, _)| *of == key)?;
        Some(self.0.swap_remove(place).1)
    }
}

impl States {
    /// The states of a span that starts now; `states` are those around it, as a span inside sees them.
    pub(crate) fn start(
        telemetry: &Telemetry,
        listeners: &[Arc<Follower>],
        mut built: Built,
        mut states: Self,
        event: &Event<'_>,
    ) -> Self {
        let Some(name) = event.span() else { return states };
        for follower in listeners.iter().filter(|follower| follower.follows(name)) {
            let captured = built.take(follower.key);
            let around = states.find(follower.key).map(|kept| kept.state.clone());
            let state = guarded(telemetry, follower, event.name(), || {
                follower.listener.start(event, captured, around.as_deref())
            });
            if let Some(state) = state {
                states.0.retain(|kept| kept.key != follower.key);
                states.0.push(Kept { key: follower.key, own: true, state });
            }
        }
        states
    }

    /// The same states, as a span inside sees them.
    pub(crate) fn inherited(&self) -> Self {
        Self(self.0.iter().map(|kept| Kept { own: false, ..kept.clone() }).collect())
    }

    /// Something happened in this span; with `own`, it concerns nobody who only follows one further out.
    pub(crate) fn note(
        &self,
        telemetry: &Telemetry,
        listeners: &[Arc<Follower>],
        event: &Event<'_>,
        own: bool,
    ) {
        self.each(listeners, |follower, kept| {
            if kept.own || !own {
                guarded(telemetry, follower, event.name(), || follower.listener.note(&*kept.state, event));
            }
        });
    }

    pub(crate) fn chunk(
        &self,
        telemetry: &Telemetry,
        listeners: &[Arc<Follower>],
        name: SpanName,
        gap: Duration,
    ) {
        self.each(listeners, |follower, kept| {
            if kept.own && follower.wants_chunks {
                let event = name.event(Phase::FirstChunk);
                guarded(telemetry, follower, &event, || follower.listener.chunk(&*kept.state, gap));
            }
        });
    }

    pub(crate) fn stop(&self, telemetry: &Telemetry, listeners: &[Arc<Follower>], event: &Event<'_>) {
        for follower in listeners.iter().filter(|it| event.span().is_some_and(|name| it.follows(name))) {
            match self.find(follower.key).filter(|kept| kept.own) {
                Some(kept) => {
                    guarded(telemetry, follower, event.name(), || {
                        follower.listener.stop(&*kept.state, event)
                    });
                }
                None => drop(follower.missed.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }

    /// Whether a listener that wants to be around polls has a state here.
    pub(crate) fn wants_around(&self, listeners: &[Arc<Follower>]) -> bool {
        listeners.iter().any(|follower| follower.wants_around && self.find(follower.key).is_some())
    }

    /// Runs `poll` exactly once inside every listener that wants to be around it. A panic of `poll` goes on after the
    /// last of them has returned.
    pub(crate) fn around<R>(
        &self,
        telemetry: &Telemetry,
        listeners: &[Arc<Follower>],
        event: Option<&EventName>,
        ended: bool,
        poll: impl FnOnce() -> R,
    ) -> R {
        let mut poll = Some(poll);
        let mut result: Option<Result<R, Caught>> = None;
        self.nest(telemetry, listeners, event, ended, &mut || {
            if let Some(poll) = poll.take() {
                result = Some(fence(poll));
            }
        });
        match result.expect("`nest` runs the poll") {
            Ok(result) => result,
            Err(caught) => caught.resume(),
        }
    }

    fn nest(
        &self,
        telemetry: &Telemetry,
        listeners: &[Arc<Follower>],
        event: Option<&EventName>,
        ended: bool,
        poll: &mut dyn FnMut(),
    ) {
        let Some((follower, inner)) = listeners.split_first() else { return poll() };
        let kept = self.find(follower.key).filter(|_| follower.wants_around);
        let Some(kept) = kept else { return self.nest(telemetry, inner, event, ended, poll) };
        let ran = Cell::new(false);
        let mut once = || {
            if !ran.replace(true) {
                self.nest(telemetry, inner, event, ended, poll);
            }
        };
        // A state of a span further out belongs to a span that is open or not; only its own can have ended here.
        fenced(telemetry, follower, event, || {
            follower.listener.around(&*kept.state, ended && kept.own, &mut once)
        });
        once();
    }

    fn each(&self, listeners: &[Arc<Follower>], mut call: impl FnMut(&Arc<Follower>, &Kept)) {
        for follower in listeners {
            if let Some(kept) = self.find(follower.key) {
                call(follower, kept);
            }
        }
    }

    fn find(&self, key: u64) -> Option<&Kept> {
        self.0.iter().find(|kept| kept.key == key)
    }
}

/// How deep calls of listeners may nest: one that opens a span it follows would else never come back.
const MAX_DEPTH: u8 = 64;

thread_local! {
    static DEPTH: Cell<u8> = const { Cell::new(0) };
}

/// Calls a listener; one that panics, or calls itself without end, is detached and reported.
fn guarded<'e, R>(
    telemetry: &Telemetry,
    follower: &Arc<Follower>,
    event: impl Into<Option<&'e EventName>>,
    call: impl FnOnce() -> R,
) -> Option<R> {
    let depth = DEPTH.get();
    if depth == MAX_DEPTH {
        const TOO_DEEP: &str = "spans that listeners open from inside listeners nest more than 64 deep";
        let stacktrace = format!("refused at {}", Location::caller());
        if telemetry.detach_failed(&Attached::Listener(follower.clone())) {
            failure::emit(telemetry, Failure::new(event.into(), &follower.id, "panic", TOO_DEEP, stacktrace));
        }
        return None;
    }
    DEPTH.set(depth + 1);
    let called = fenced(telemetry, follower, event, call);
    DEPTH.set(depth);
    called
}

/// Calls a listener around a poll, which may nest as deep as the polls do.
fn fenced<'e, R>(
    telemetry: &Telemetry,
    follower: &Arc<Follower>,
    event: impl Into<Option<&'e EventName>>,
    call: impl FnOnce() -> R,
) -> Option<R> {
    match fence(call) {
        Ok(result) => Some(result),
        Err(caught) => {
            telemetry.detach_failed(&Attached::Listener(follower.clone()));
            failure::emit(telemetry, Failure::panic(event.into(), &follower.id, &caught, Location::caller()));
            caught.swallow();
            None
        }
    }
}

impl fmt::Debug for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Built({})", self.0.len())
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "States({})", self.0.len())
    }
}
