use std::ops::Deref;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::counting::UsageCount;
use crate::event::{RequestId, RequestIdCell, SpanName, SpanStart};
use crate::registry::{ListenerStates, Telemetry};

/// How many levels up a node still knows those around it. A task that spawns its successor for ever, each inside the
/// last, would else keep them all.
const MAX_DEPTH: u16 = 128;

/// A place in the tree of contexts: an observed span, or a scope that changes what is inherited.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) telemetry: Telemetry,
    pub(crate) place: Place,
    parent: Option<Arc<Node>>,
    depth: u16,
    ended: AtomicBool,
    retries: AtomicU32,
    usage_count: UsageCount,
    /// What listeners keep for this span and those around it, if there are any: captures until it starts.
    states: Option<ListenerStates>,
}

#[derive(Debug)]
pub(crate) enum Place {
    /// An observed span.
    Span(SpanStart),
    /// A request id, or a handle, for all that is inside. Inside a handle's scope there may be many requests.
    Scope(Option<RequestId>),
    /// A span that counts its attempts and is not observed: a retry inside it is nobody else's.
    Unobserved(Option<RequestId>),
}

/// A node that nobody else has yet.
#[derive(Debug)]
pub(crate) struct Unshared(Arc<Node>);

impl Unshared {
    /// Makes a node after its place, so that it is written there: one that is made before is copied, 8 ns for 300 bytes.
    /// Not for the cycle that the function is named after.
    #[inline(always)]
    fn new(make: impl FnOnce() -> Node) -> Self {
        Self(Arc::new_cyclic(|_| make()))
    }

    /// Always there: only [`share`](Self::share) gives it away. A `None` and not a panic, because a builder that may
    /// panic is kept in memory and not in registers.
    #[inline]
    pub(crate) fn get_mut(&mut self) -> Option<&mut Node> {
        Arc::get_mut(&mut self.0)
    }

    #[inline]
    pub(crate) fn share(self) -> Arc<Node> {
        self.0
    }
}

impl Deref for Unshared {
    type Target = Node;

    #[inline]
    fn deref(&self) -> &Node {
        &self.0
    }
}

impl Node {
    /// A span that was built and belongs nowhere yet.
    #[inline]
    #[track_caller]
    pub(crate) fn unsettled(name: SpanName) -> Unshared {
        // Not inside: the closure would be the caller.
        let built_at = Location::caller();
        Unshared::new(|| Self::alone(Place::Span(SpanStart::new(name, built_at)), Telemetry::global()))
    }

    /// A span that nobody listens to and whose request has an id of the caller's.
    pub(crate) fn silent(name: SpanName, id: RequestId) -> Unshared {
        let place = if name.is_call() { Place::Unobserved(Some(id)) } else { Place::Scope(Some(id)) };
        Unshared::new(|| Self::alone(place, Telemetry::global()))
    }

    /// Where a context changes in another way than by a span.
    #[inline]
    pub(crate) fn scope(place: Place, telemetry: Telemetry, around: Option<Arc<Self>>) -> Arc<Self> {
        let mut node = Unshared::new(|| Self::alone(place, telemetry));
        if let Some(node) = node.get_mut() {
            node.put_inside(around);
        }
        node.share()
    }

    #[inline]
    const fn alone(place: Place, telemetry: Telemetry) -> Self {
        Self {
            telemetry,
            place,
            parent: None,
            depth: 0,
            ended: AtomicBool::new(false),
            retries: AtomicU32::new(0),
            usage_count: UsageCount::new(),
            states: None,
        }
    }

    /// Says what is around it. Its handle is set.
    #[inline]
    pub(crate) fn put_inside(&mut self, around: Option<Arc<Self>>) {
        if let Some(around) = around.as_deref().and_then(Self::states) {
            self.states.get_or_insert_default().inherit(&self.telemetry, around);
        }
        self.parent = around.filter(|around| around.depth < MAX_DEPTH);
        self.depth = self.parent.as_ref().map_or(0, |parent| parent.depth + 1);
    }

    /// The request id that the caller gave, if this is a span that has one.
    pub(crate) fn given_id(&self) -> Option<&RequestId> {
        match &self.place {
            Place::Span(start) => start.request_id.as_ref().map(RequestIdCell::get),
            Place::Scope(id) | Place::Unobserved(id) => id.as_ref(),
        }
    }

    pub(crate) fn request_id(&self) -> Option<&RequestId> {
        match &self.place {
            Place::Span(start) => Some(start.request_id()),
            Place::Scope(id) | Place::Unobserved(id) => id.as_ref(),
        }
    }

    /// The request id for a span inside, without reading it.
    pub(crate) fn request_id_cell(&self) -> Option<RequestIdCell> {
        match &self.place {
            Place::Span(start) => start.request_id.clone(),
            Place::Scope(id) | Place::Unobserved(id) => id.clone().map(RequestIdCell::Known),
        }
    }

    /// Whether it belongs to a request. Reads no id, so it draws none.
    pub(crate) fn has_request(&self) -> bool {
        !matches!(self.place, Place::Scope(None) | Place::Unobserved(None))
    }

    /// This span's start, if it is one.
    pub(crate) fn start(&self) -> Option<&SpanStart> {
        match &self.place {
            Place::Span(start) => Some(start),
            Place::Scope(_) | Place::Unobserved(_) => None,
        }
    }

    /// The same, to set what it says until it starts.
    #[inline]
    pub(crate) fn start_mut(&mut self) -> Option<&mut SpanStart> {
        match &mut self.place {
            Place::Span(start) => Some(start),
            Place::Scope(_) | Place::Unobserved(_) => None,
        }
    }

    /// The nearest span here or above that this handle observes.
    pub(crate) fn nearest_span(&self, telemetry: &Telemetry) -> Option<&SpanStart> {
        self.lineage().filter(|node| node.telemetry.ptr_eq(telemetry)).find_map(Self::start)
    }

    /// The nearest span here or above that says how often it was tried.
    pub(crate) fn counts_retries(&self) -> Option<&Self> {
        let nearest = self.lineage().find(|node| match &node.place {
            Place::Span(start) => start.name.is_call(),
            Place::Unobserved(_) => true,
            Place::Scope(_) => false,
        })?;
        nearest.is_span().then_some(nearest)
    }

    /// Whether this is `other` or was opened inside it.
    pub(crate) fn is_inside(&self, other: &Self) -> bool {
        self.lineage().any(|node| std::ptr::eq(node, other))
    }

    /// Whether this request is `id`, or one around it is.
    pub(crate) fn is_of(&self, id: Option<&RequestId>) -> bool {
        self.lineage().any(|node| node.request_id() == id)
    }

    pub(crate) fn count_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the call was tried.
    pub(crate) fn attempts(&self) -> u32 {
        self.retries.load(Ordering::Relaxed).saturating_add(1)
    }

    pub(super) fn usage_count(&self) -> &UsageCount {
        &self.usage_count
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn states(&self) -> Option<&ListenerStates> {
        self.states.as_ref()
    }

    /// Where listeners write what they keep for this span, and what it says, while nobody else has it.
    pub(crate) fn start_and_states(&mut self) -> Option<(&SpanStart, &mut ListenerStates)> {
        let Place::Span(start) = &self.place else { return None };
        Some((start, self.states.get_or_insert_default()))
    }

    /// Most have none, and to write that again costs more than to see it.
    #[inline]
    pub(crate) fn drop_states(&mut self) {
        if self.states.is_some() {
            self.states = None;
        }
    }

    fn is_span(&self) -> bool {
        matches!(self.place, Place::Span(_))
    }

    /// The nodes around this one, the nearest first.
    pub(super) fn around(&self) -> impl Iterator<Item = &Self> {
        self.lineage().skip(1)
    }

    /// This node and those around it, the nearest first.
    fn lineage(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |node| node.parent.as_deref())
    }
}
