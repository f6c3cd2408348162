use std::any::Any;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::interest::EventSet;
use super::listener::Listener;
use super::user_code::PanicSafe;
use crate::event::{Content, Event, EventName, SpanName};

/// A [`Stage`] whose type is erased.
pub(super) type Kept = dyn Any + Send + Sync;

/// What a listener keeps for a span.
enum Stage<L: Listener> {
    /// Captured where the span was built.
    Built(L::Built),
    Started(L::State),
    /// `on_start` has the captured value, and has not returned.
    Starting,
}

/// A [`Listener`] whose type is erased, so that a table can hold listeners of all types. Each gets back only what it
/// returned itself.
pub(super) trait ErasedListener: Send + Sync {
    fn build(&self) -> Arc<Kept>;
    fn start(&self, kept: &mut Kept, event: &Event<'_>, parent: Option<&Kept>);
    fn event(&self, kept: &Kept, event: &Event<'_>);
    fn chunk(&self, kept: &Kept, gap: Duration);
    fn end(&self, kept: &Kept, event: &Event<'_>);
    fn enclose(&self, kept: &Kept, ended: bool, poll: &mut dyn FnMut());
}

impl<L: Listener> ErasedListener for L {
    fn build(&self) -> Arc<Kept> {
        Arc::new(Stage::<L>::Built(self.on_build()))
    }

    fn start(&self, kept: &mut Kept, event: &Event<'_>, parent: Option<&Kept>) {
        let Some(stage) = kept.downcast_mut::<Stage<L>>() else { return };
        if let Stage::Built(built) = mem::replace(stage, Stage::Starting) {
            *stage = Stage::Started(self.on_start(event, built, parent.and_then(state::<L>)));
        }
    }

    fn event(&self, kept: &Kept, event: &Event<'_>) {
        state::<L>(kept).into_iter().for_each(|state| self.on_event(state, event));
    }

    fn chunk(&self, kept: &Kept, gap: Duration) {
        state::<L>(kept).into_iter().for_each(|state| self.on_chunk(state, gap));
    }

    fn end(&self, kept: &Kept, event: &Event<'_>) {
        state::<L>(kept).into_iter().for_each(|state| self.on_end(state, event));
    }

    fn enclose(&self, kept: &Kept, ended: bool, poll: &mut dyn FnMut()) {
        state::<L>(kept).into_iter().for_each(|state| self.around(state, ended, &mut *poll));
    }
}

#[inline]
fn state<L: Listener>(kept: &Kept) -> Option<&L::State> {
    match kept.downcast_ref::<Stage<L>>()? {
        Stage::Started(state) => Some(state),
        Stage::Built(_) | Stage::Starting => None,
    }
}

/// A listener that is attached, with what it answered when it was.
pub(crate) struct AttachedListener {
    pub(super) id: Arc<str>,
    pub(super) sequence: u64,
    pub(super) content: Content,
    spans: EventSet,
    pub(super) wants_chunks: bool,
    pub(super) wants_around: bool,
    /// Ends of spans whose start it did not see.
    missed: AtomicU64,
    detached: AtomicBool,
    listener: PanicSafe<Box<dyn ErasedListener>>,
}

impl AttachedListener {
    pub(super) fn new(id: Arc<str>, listener: impl Listener, sequence: u64) -> Self {
        // Retries concern every listener, whichever spans it follows.
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

    /// The events that it is called for.
    pub(super) fn events(&self) -> Box<[EventName]> {
        let followed = SpanName::ALL.iter().filter(|name| self.follows(**name));
        followed.flat_map(|name| name.events()).cloned().chain([EventName::RETRY]).collect()
    }

    /// From now on it gets no further call.
    pub(super) fn detach(&self) {
        self.detached.store(true, Ordering::Relaxed);
    }

    /// Relaxed: a thread that knows that `detach` returned sees this store as well.
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
