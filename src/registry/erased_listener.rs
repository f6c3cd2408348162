use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::interest::EventSet;
use super::listener::Listener;
use super::panic_safe::PanicSafe;
use super::telemetry::Telemetry;
use crate::event::{Content, Event, EventName, SpanName};

/// What a listener keeps for one span: what it captured where the span is built becomes its state in the same place. The
/// listener is at hand, so that a poll asks nobody for a type.
struct Slot<L: Listener> {
    built: PanicSafe<L::Built>,
    state: PanicSafe<L::State>,
    following: Arc<AttachedListener<L>>,
}

/// A [`Slot`] whose type is erased.
pub(crate) trait ErasedSlot: Any + Send + Sync {
    fn follower(&self) -> &ListenerMeta;
    fn start(&mut self, event: &Event<'_>, parent: Option<&dyn ErasedSlot>);
    fn note(&self, event: &Event<'_>);
    fn chunk(&self, gap: Duration);
    fn stop(&self, event: &Event<'_>);
    /// Does nothing if the listener was detached.
    fn around(&self, ended: bool, poll: &mut dyn FnMut());
}

impl<L: Listener> Slot<L> {
    #[inline]
    fn tell(&self, call: impl FnOnce(&L, &L::State)) {
        if let Some(state) = self.state.here() {
            call(self.following.listener.get(), state);
        }
    }
}

impl<L: Listener> ErasedSlot for Slot<L> {
    fn follower(&self) -> &ListenerMeta {
        &self.following.head
    }

    fn start(&mut self, event: &Event<'_>, parent: Option<&dyn ErasedSlot>) {
        let Some(built) = self.built.take() else { return };
        let parent = parent.and_then(|parent| (parent as &dyn Any).downcast_ref::<Self>());
        let parent = parent.and_then(|parent| parent.state.here());
        self.state.put(self.following.listener.get().on_start(event, built, parent));
    }

    fn note(&self, event: &Event<'_>) {
        self.tell(|listener, state| listener.on_event(state, event));
    }

    fn chunk(&self, gap: Duration) {
        self.tell(|listener, state| listener.on_chunk(state, gap));
    }

    fn stop(&self, event: &Event<'_>) {
        self.tell(|listener, state| listener.on_end(state, event));
    }

    fn around(&self, ended: bool, poll: &mut dyn FnMut()) {
        if self.following.head.is_attached() {
            self.tell(|listener, state| listener.around(state, ended, poll));
        }
    }
}

/// A listener that is attached.
struct AttachedListener<L> {
    head: ListenerMeta,
    listener: PanicSafe<L>,
}

/// A [`AttachedListener`] whose type is erased.
pub(crate) trait ErasedListener: Send + Sync {
    fn follower(&self) -> &ListenerMeta;
    /// Captures where a span is built.
    fn built(self: Arc<Self>) -> Arc<dyn ErasedSlot>;
}

impl<L: Listener> ErasedListener for AttachedListener<L> {
    fn follower(&self) -> &ListenerMeta {
        &self.head
    }

    fn built(self: Arc<Self>) -> Arc<dyn ErasedSlot> {
        // As a node is: made where it stays.
        Arc::new_cyclic(|_| {
            let built = PanicSafe::new(self.listener.get().on_build());
            Slot { built, state: PanicSafe::empty(), following: self }
        })
    }
}

/// What is known of a listener without its type.
pub(crate) struct ListenerMeta {
    pub(super) id: Arc<str>,
    pub(super) sequence: u64,
    pub(super) content: Content,
    spans: EventSet,
    pub(super) wants_chunks: bool,
    pub(super) wants_around: bool,
    pub(super) missed: AtomicU64,
    /// The set that it is attached to.
    registry: u64,
    detached: AtomicBool,
}

impl ListenerMeta {
    pub(super) fn attach(
        id: Arc<str>,
        listener: impl Listener,
        sequence: u64,
        registry: u64,
    ) -> Arc<dyn ErasedListener> {
        let spans = SpanName::ALL.iter().copied().filter(|name| listener.follows(*name));
        let head = Self {
            id,
            sequence,
            content: listener.content(),
            spans: spans.fold(EventSet::RETRY, |all, name| all.and(EventSet::span(name))),
            wants_chunks: listener.wants_chunks(),
            wants_around: listener.wants_around(),
            missed: AtomicU64::new(0),
            registry,
            detached: AtomicBool::new(false),
        };
        Arc::new(AttachedListener { head, listener: PanicSafe::new(listener) })
    }

    pub(super) fn followed(&self) -> EventSet {
        self.spans
    }

    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    pub(super) fn events(&self) -> Box<[EventName]> {
        let followed =
            SpanName::ALL.iter().copied().filter(|name| self.spans.overlaps(EventSet::span(*name)));
        followed.flat_map(SpanName::events).cloned().chain([EventName::RETRY]).collect()
    }

    /// Called when it is detached: it gets no further call.
    pub(super) fn detached(&self) {
        self.detached.store(true, Ordering::Relaxed);
    }

    /// Whether it is attached, and to this set.
    #[inline]
    pub(super) fn is_of(&self, telemetry: &Telemetry) -> bool {
        self.is_attached() && self.is_in(telemetry)
    }

    /// Whether this is the set that it was attached to.
    #[inline]
    pub(super) fn is_in(&self, telemetry: &Telemetry) -> bool {
        self.registry == telemetry.id()
    }

    /// Relaxed: who knows that `detach` returned knows this as well.
    #[inline]
    pub(super) fn is_attached(&self) -> bool {
        !self.detached.load(Ordering::Relaxed)
    }

    pub(super) fn follows(&self, name: SpanName) -> bool {
        self.spans.overlaps(EventSet::span(name))
    }
}

impl fmt::Debug for dyn ErasedListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerMeta").field("id", &self.follower().id).finish_non_exhaustive()
    }
}
