use std::cell::Cell;
use std::fmt;
use std::mem;
use std::panic::Location;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::catch::{Caught, catch};
use super::erased_listener::{ErasedListener, ErasedSlot, ListenerMeta};
use super::failure::{self, Failure};
use super::few::Few;
use super::telemetry::Telemetry;
use crate::event::{Event, EventName, Phase, SpanName};

/// What the listeners keep for a span: what they captured where it was built, then their states, and those of the spans
/// around it.
///
/// Each lies beside its listener, so that nothing is looked up for a poll.
#[derive(Default)]
pub(crate) struct ListenerStates {
    kept: Few<ListenerSlot>,
    want_around: bool,
}

struct ListenerSlot {
    slot: Arc<dyn ErasedSlot>,
    whose: Ownership,
    /// Its listener is to be called around polls here.
    around: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Ownership {
    /// Of this very span, which has not started: there is no state yet.
    Unstarted,
    /// Of this very span.
    Own,
    /// Of the nearest span around it.
    Around,
}

impl ListenerSlot {
    fn follower(&self) -> &ListenerMeta {
        self.slot.follower()
    }

    /// Where its state is, if there is one.
    #[inline]
    fn state(&self) -> Option<&dyn ErasedSlot> {
        (self.whose != Ownership::Unstarted).then_some(&*self.slot)
    }

    fn is_own(&self) -> bool {
        self.whose == Ownership::Own
    }
}

impl ListenerStates {
    /// Lets every listener capture what it needs where a span is built.
    pub(crate) fn capture(
        &mut self,
        telemetry: &Telemetry,
        name: SpanName,
        listeners: &[Arc<dyn ErasedListener>],
    ) {
        for (listener, follower) in following(listeners, name) {
            let built = guarded(telemetry, follower, &name.event(Phase::Start), || listener.clone().built());
            if let Some(slot) = built {
                self.add(telemetry, slot, Ownership::Unstarted);
            }
        }
    }

    /// Makes states of what was captured, and of what was not: of a span that starts now, inside one that has those.
    pub(crate) fn start(
        &mut self,
        telemetry: &Telemetry,
        listeners: &[Arc<dyn ErasedListener>],
        around: Option<&Self>,
        event: &Event<'_>,
    ) {
        let Some(name) = event.span() else { return };
        for (listener, follower) in following(listeners, name) {
            let parent = around.and_then(|around| around.find(follower)).and_then(ListenerSlot::state);
            // Nobody else has the slot yet.
            let start = |slot: &mut Arc<dyn ErasedSlot>| {
                Arc::get_mut(slot).into_iter().for_each(|slot| slot.start(event, parent));
            };
            let captured = self.kept.iter_mut().find(|kept| ptr::eq(kept.follower(), follower));
            match captured {
                // In place: what is moved waits for what was just written.
                Some(kept) => {
                    if guarded(telemetry, follower, event.name(), || start(&mut kept.slot)).is_some() {
                        kept.whose = Ownership::Own;
                    }
                }
                None => {
                    let made = guarded(telemetry, follower, event.name(), || {
                        let mut slot = listener.clone().built();
                        start(&mut slot);
                        slot
                    });
                    if let Some(slot) = made {
                        self.add(telemetry, slot, Ownership::Own);
                    }
                }
            }
        }
        // Of one that was detached meanwhile, or that panicked.
        if self.kept.iter().any(|kept| kept.whose == Ownership::Unstarted) {
            let kept = mem::take(self).kept;
            kept.into_iter().filter(ListenerSlot::is_own).for_each(|kept| self.put(kept));
        }
    }

    /// Adds the states of the spans around, for those listeners that have none of this one.
    pub(crate) fn inherit(&mut self, telemetry: &Telemetry, around: &Self) {
        for kept in around.kept.iter().filter(|kept| kept.follower().is_attached()) {
            if kept.state().is_some() && self.find(kept.follower()).is_none() {
                self.add(telemetry, kept.slot.clone(), Ownership::Around);
            }
        }
    }

    /// Something happened in this span; with `own`, it concerns nobody who only follows one further out.
    pub(crate) fn note(&self, telemetry: &Telemetry, event: &Event<'_>, own: bool) {
        self.each(telemetry, |kept, state| {
            if kept.is_own() || !own {
                guarded(telemetry, kept.follower(), event.name(), || state.note(event));
            }
        });
    }

    pub(crate) fn chunk(&self, telemetry: &Telemetry, name: SpanName, gap: Duration) {
        self.each(telemetry, |kept, state| {
            if kept.is_own() && kept.follower().wants_chunks {
                let event = name.event(Phase::FirstChunk);
                guarded(telemetry, kept.follower(), &event, || state.chunk(gap));
            }
        });
    }

    pub(crate) fn stop(
        &self,
        telemetry: &Telemetry,
        listeners: &[Arc<dyn ErasedListener>],
        event: &Event<'_>,
    ) {
        let Some(name) = event.span() else { return };
        for (_, follower) in following(listeners, name) {
            match self.find(follower).filter(|kept| kept.is_own()).and_then(ListenerSlot::state) {
                Some(state) => {
                    guarded(telemetry, follower, event.name(), || state.stop(event));
                }
                None => drop(follower.missed.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }

    /// Whether a listener that wants to be around polls has a state here.
    #[inline]
    pub(crate) fn want_around(&self) -> bool {
        self.want_around
    }

    /// Runs `poll` exactly once inside every listener that wants to be around it. It does not panic: what may is fenced by
    /// who calls this. `event` is the one that a listener's panic is reported with.
    #[inline]
    pub(crate) fn around<R>(
        &self,
        telemetry: &Telemetry,
        event: impl Fn() -> Option<EventName>,
        ended: bool,
        poll: impl FnOnce() -> R,
    ) -> R {
        let depth = DEPTH.get();
        let mut poll = Some(poll);
        let mut result = None;
        let mut once = || {
            if let Some(poll) = poll.take() {
                // There is no older one to be dropped.
                mem::forget(result.replace(outside(depth, poll)));
            }
        };
        let around = Around { telemetry, event: &event, ended, depth };
        match self.kept.split() {
            None => {}
            // In place, because there is one, most times.
            Some((first, [])) => around.call(first, &mut once),
            Some((first, more)) => around.nest(first, more, &mut once),
        }
        once();
        result.expect("it ran once")
    }

    fn each(&self, telemetry: &Telemetry, mut call: impl FnMut(&ListenerSlot, &dyn ErasedSlot)) {
        for kept in self.kept.iter().filter(|kept| kept.follower().is_of(telemetry)) {
            if let Some(state) = kept.state() {
                call(kept, state);
            }
        }
    }

    fn find(&self, follower: &ListenerMeta) -> Option<&ListenerSlot> {
        self.kept.iter().find(|kept| ptr::eq(kept.follower(), follower))
    }

    /// Adds what a listener keeps for a span of this handle.
    fn add(&mut self, telemetry: &Telemetry, slot: Arc<dyn ErasedSlot>, whose: Ownership) {
        let around = slot.follower().wants_around && slot.follower().is_in(telemetry);
        self.put(ListenerSlot { slot, whose, around });
    }

    fn put(&mut self, kept: ListenerSlot) {
        self.want_around |= kept.around;
        // In the order of attaching, as everywhere, whichever of them follow the spans around as well.
        self.kept.insert_by_key(kept, |kept| kept.follower().sequence);
    }
}

/// The listeners that follow such spans, each with what is known of it: who listens is asked once.
fn following(
    listeners: &[Arc<dyn ErasedListener>],
    name: SpanName,
) -> impl Iterator<Item = (&Arc<dyn ErasedListener>, &ListenerMeta)> {
    let all = listeners.iter().map(|listener| (listener, listener.follower()));
    all.filter(move |(_, follower)| follower.follows(name))
}

/// What all listeners around one poll are told.
struct Around<'a> {
    telemetry: &'a Telemetry,
    event: &'a dyn Fn() -> Option<EventName>,
    ended: bool,
    /// How deep calls of listeners nest around this poll.
    depth: u8,
}

impl Around<'_> {
    /// Calls each inside the last, and `poll` inside them all, also if the innermost does not want it or forgets it. `poll`
    /// runs once however often it is called.
    fn nest(&self, first: &ListenerSlot, more: &[ListenerSlot], poll: &mut dyn FnMut()) {
        let Some((next, more)) = more.split_first() else {
            self.call(first, poll);
            return poll();
        };
        let ran = Cell::new(false);
        let mut inner = || {
            if !ran.replace(true) {
                outside(self.depth, || self.nest(next, more, poll));
            }
        };
        self.call(first, &mut inner);
        inner();
    }

    /// Calls one, if it wants it.
    #[inline(always)]
    fn call(&self, kept: &ListenerSlot, inside: &mut dyn FnMut()) {
        let Some(state) = kept.state().filter(|_| kept.around) else { return };
        // A state of a span further out belongs to a span that is open or not; only its own can have ended here.
        let ended = self.ended && kept.is_own();
        if self.depth == MAX_DEPTH {
            return too_deep(self.telemetry, kept.follower(), (self.event)().as_ref());
        }
        DEPTH.set(self.depth + 1);
        let called = catch(|| state.around(ended, inside));
        DEPTH.set(self.depth);
        if let Err(caught) = called {
            failed(self.telemetry, kept.follower(), (self.event)().as_ref(), caught);
        }
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
    follower: &ListenerMeta,
    event: impl Into<Option<&'e EventName>>,
    call: impl FnOnce() -> R,
) -> Option<R> {
    let depth = DEPTH.get();
    if depth == MAX_DEPTH {
        too_deep(telemetry, follower, event.into());
        return None;
    }
    DEPTH.set(depth + 1);
    let called = catch(call);
    DEPTH.set(depth);
    called.map_err(|caught| failed(telemetry, follower, event.into(), caught)).ok()
}

/// Detaches and reports a listener that calls itself without end.
#[cold]
#[track_caller]
fn too_deep(telemetry: &Telemetry, follower: &ListenerMeta, event: Option<&EventName>) {
    const TOO_DEEP: &str = "spans that listeners open from inside listeners nest more than 64 deep";
    let stacktrace = format!("refused at {}", Location::caller());
    if telemetry.detach_numbered(&follower.id, follower.sequence) {
        failure::emit(telemetry, Failure::new(event, &follower.id, "panic", TOO_DEEP, stacktrace));
    }
}

/// Runs what a listener is only around: what nests in that is not the listener's. It is fenced, so it comes back.
#[inline]
fn outside<R>(depth: u8, code: impl FnOnce() -> R) -> R {
    let inside = DEPTH.replace(depth);
    let done = code();
    DEPTH.set(inside);
    done
}

/// Runs the drop of foreign code, which may open spans as a call of a listener does. It is not refused, so that it is no
/// deeper than the deepest.
pub(super) fn deeper<R>(code: impl FnOnce() -> R) -> R {
    let depth = DEPTH.get();
    DEPTH.set((depth + 1).min(MAX_DEPTH));
    let done = code();
    DEPTH.set(depth);
    done
}

/// Detaches and reports a listener that panicked.
#[cold]
#[track_caller]
fn failed(telemetry: &Telemetry, follower: &ListenerMeta, event: Option<&EventName>, caught: Caught) {
    telemetry.detach_numbered(&follower.id, follower.sequence);
    failure::emit(telemetry, Failure::panic(event, &follower.id, &caught, Location::caller()));
    caught.swallow();
}

impl fmt::Debug for ListenerStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListenerStates({})", self.kept.iter().count())
    }
}
