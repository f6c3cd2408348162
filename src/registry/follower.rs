use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::held::Held;
use super::interest::Followed;
use super::listener::Listener;
use super::telemetry::Telemetry;
use crate::event::{Content, Event, EventName, SpanName};

/// What a listener keeps for a span, a [`Slot`] of its own, whose type is erased.
pub(super) type Erased = dyn Any + Send + Sync;

/// What was captured where a span is built becomes its state in the same place.
struct Slot<L: Listener> {
    built: Held<L::Built>,
    state: Held<L::State>,
}

/// A [`Listener`] whose types are erased.
pub(super) trait Follow: Send + Sync {
    fn built(&self) -> Arc<Erased>;
    /// Nobody else has the slot yet.
    fn start(&self, slot: &mut Arc<Erased>, event: &Event<'_>, parent: Option<&Erased>);
    fn note(&self, state: &Erased, event: &Event<'_>);
    fn chunk(&self, state: &Erased, gap: Duration);
    fn stop(&self, state: &Erased, event: &Event<'_>);
    fn around(&self, state: &Erased, ended: bool, poll: &mut dyn FnMut());
}

impl<L: Listener> Follow for Held<L> {
    fn built(&self) -> Arc<Erased> {
        // As a node is: made where it stays.
        Arc::new_cyclic(|_| Slot::<L> { built: Held::new(self.get().built()), state: Held::empty() })
    }

    fn start(&self, slot: &mut Arc<Erased>, event: &Event<'_>, parent: Option<&Erased>) {
        let Some(slot) = Arc::get_mut(slot).and_then(|slot| slot.downcast_mut::<Slot<L>>()) else { return };
        let Some(built) = slot.built.take() else { return };
        slot.state.put(self.get().start(event, built, parent.and_then(state_of::<L>)));
    }

    fn note(&self, state: &Erased, event: &Event<'_>) {
        state_of::<L>(state).into_iter().for_each(|state| self.get().note(state, event));
    }

    fn chunk(&self, state: &Erased, gap: Duration) {
        state_of::<L>(state).into_iter().for_each(|state| self.get().chunk(state, gap));
    }

    fn stop(&self, state: &Erased, event: &Event<'_>) {
        state_of::<L>(state).into_iter().for_each(|state| self.get().stop(state, event));
    }

    fn around(&self, state: &Erased, ended: bool, poll: &mut dyn FnMut()) {
        state_of::<L>(state).into_iter().for_each(|state| self.get().around(state, ended, poll));
    }
}

fn state_of<L: Listener>(state: &Erased) -> Option<&L::State> {
    state.downcast_ref::<Slot<L>>()?.state.here()
}

/// A listener that is attached.
pub(crate) struct Follower {
    pub(super) id: Arc<str>,
    pub(super) sequence: u64,
    pub(super) content: Content,
    spans: Followed,
    pub(super) wants_chunks: bool,
    pub(super) wants_around: bool,
    pub(super) listener: Box<dyn Follow>,
    pub(super) missed: AtomicU64,
    /// The set that it is attached to.
    registry: u64,
    detached: AtomicBool,
}

impl Follower {
    pub(super) fn new(id: Arc<str>, listener: impl Listener, sequence: u64, registry: u64) -> Self {
        let spans = SpanName::ALL.into_iter().filter(|name| Listener::follows(&listener, *name));
        Self {
            id,
            sequence,
            content: Listener::content(&listener),
            spans: spans.fold(Followed::RETRY, |all, name| all.and(Followed::span(name))),
            wants_chunks: Listener::wants_chunks(&listener),
            wants_around: Listener::wants_around(&listener),
            listener: Box::new(Held::new(listener)),
            missed: AtomicU64::new(0),
            registry,
            detached: AtomicBool::new(false),
        }
    }

    pub(super) fn followed(&self) -> Followed {
        self.spans
    }

    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    pub(super) fn events(&self) -> Box<[EventName]> {
        let followed = SpanName::ALL.into_iter().filter(|name| self.spans.overlaps(Followed::span(*name)));
        followed.flat_map(SpanName::events).chain([EventName::RETRY]).collect()
    }

    /// Called when it is detached: it gets no further call.
    pub(super) fn detached(&self) {
        self.detached.store(true, Ordering::Relaxed);
    }

    /// Whether it is attached, and to this set.
    #[inline]
    pub(super) fn is_of(&self, telemetry: &Telemetry) -> bool {
        self.is_attached() && self.registry == telemetry.id()
    }

    /// Relaxed: who knows that `detach` returned knows this as well.
    #[inline]
    pub(super) fn is_attached(&self) -> bool {
        !self.detached.load(Ordering::Relaxed)
    }

    pub(super) fn follows(&self, name: SpanName) -> bool {
        self.spans.overlaps(Followed::span(name))
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("id", &self.id).finish_non_exhaustive()
    }
}
