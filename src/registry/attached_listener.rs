use std::any::Any;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::chunk::Chunk;
use super::interest::EventSet;
use super::listener::Listener;
use super::user_code::PanicSafe;
use crate::event::{Content, Event, EventName, SpanName, TraceParent};

/// A [`Stage`] whose type is erased.
pub(super) type ErasedState = dyn Any + Send + Sync;

/// The state of a listener for a span.
enum Stage<L: Listener> {
    /// The value of `on_build`.
    Built(L::Built),
    Started(L::State),
    /// `on_start` has taken the value of `on_build` and has not returned.
    Starting,
}

/// A [`Listener`] whose type is erased, so that a table can hold listeners of all types. Each receives only states that it
/// returned itself, so the downcasts succeed.
pub(super) trait ErasedListener: Send + Sync {
    fn build(&self) -> Arc<ErasedState>;
    fn start(&self, state: &mut ErasedState, event: &Event<'_>, parent: Option<&ErasedState>);
    fn event(&self, state: &ErasedState, event: &Event<'_>);
    fn chunk(&self, state: &ErasedState, chunk: &Chunk);
    fn end(&self, state: &ErasedState, event: &Event<'_>);
    fn trace_parent(&self, state: &ErasedState) -> Option<TraceParent>;
    fn wrap_poll(&self, state: &ErasedState, ended: bool, poll: &mut dyn FnMut());
}

impl<L: Listener> ErasedListener for L {
    fn build(&self) -> Arc<ErasedState> {
        Arc::new(Stage::<L>::Built(self.on_build()))
    }

    fn start(&self, state: &mut ErasedState, event: &Event<'_>, parent: Option<&ErasedState>) {
        let Some(stage) = state.downcast_mut::<Stage<L>>() else { return };
        // If `on_start` panics, the stage stays `Starting`, and no method is called with it.
        if let Stage::Built(built) = mem::replace(stage, Stage::Starting) {
            *stage = Stage::Started(self.on_start(event, built, parent.and_then(started::<L>)));
        }
    }

    fn event(&self, state: &ErasedState, event: &Event<'_>) {
        started::<L>(state).into_iter().for_each(|state| self.on_event(state, event));
    }

    fn chunk(&self, state: &ErasedState, chunk: &Chunk) {
        started::<L>(state).into_iter().for_each(|state| self.on_chunk(state, chunk));
    }

    fn end(&self, state: &ErasedState, event: &Event<'_>) {
        started::<L>(state).into_iter().for_each(|state| self.on_end(state, event));
    }

    fn trace_parent(&self, state: &ErasedState) -> Option<TraceParent> {
        self.trace_parent(started::<L>(state)?)
    }

    fn wrap_poll(&self, state: &ErasedState, ended: bool, poll: &mut dyn FnMut()) {
        started::<L>(state).into_iter().for_each(|state| self.around(state, ended, &mut *poll));
    }
}

#[inline]
fn started<L: Listener>(state: &ErasedState) -> Option<&L::State> {
    match state.downcast_ref::<Stage<L>>()? {
        Stage::Started(state) => Some(state),
        Stage::Built(_) | Stage::Starting => None,
    }
}

/// An attached listener, with the values that its methods returned when it was attached.
pub(crate) struct AttachedListener {
    pub(super) id: Arc<str>,
    pub(super) sequence: u64,
    pub(super) content: Content,
    spans: EventSet,
    pub(super) wants_chunks: bool,
    pub(super) wants_around: bool,
    /// The number of ends of spans that started before it was attached.
    missed: AtomicU64,
    detached: AtomicBool,
    listener: PanicSafe<Box<dyn ErasedListener>>,
}

impl AttachedListener {
    pub(super) fn new(id: Arc<str>, listener: impl Listener, sequence: u64) -> Self {
        // Retries are delivered to every listener, whichever spans it follows.
        let spans = SpanName::ALL.iter().filter(|name| listener.follows(**name));
        Self {
            id,
            sequence,
            content: listener.content(),
            spans: spans.fold(EventSet::RETRY, |all, name| all.and(EventSet::span(*name))),
            wants_chunks: listener.wants_chunks(),
            wants_around: listener.wants_around(),
            missed: AtomicU64::new(0),
            detached: AtomicBool::new(false),
            listener: PanicSafe::new(Box::new(listener)),
        }
    }

    #[inline]
    pub(super) fn get(&self) -> &dyn ErasedListener {
        &**self.listener.get()
    }

    pub(super) fn followed(&self) -> EventSet {
        self.spans
    }

    pub(super) fn follows(&self, name: SpanName) -> bool {
        self.spans.overlaps(EventSet::span(name))
    }

    /// Returns the events for which it is called.
    pub(super) fn events(&self) -> Box<[EventName]> {
        let followed = SpanName::ALL.iter().filter(|name| self.follows(**name));
        followed.flat_map(|name| name.events()).cloned().chain([EventName::RETRY]).collect()
    }

    /// Prevents any further call.
    pub(super) fn detach(&self) {
        self.detached.store(true, Ordering::Relaxed);
    }

    /// `Relaxed`, because a thread that observed the return of `detach` also observes this store.
    #[inline]
    pub(super) fn is_attached(&self) -> bool {
        !self.detached.load(Ordering::Relaxed)
    }

    pub(super) fn miss_end(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for AttachedListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachedListener").field("id", &self.id).finish_non_exhaustive()
    }
}
