use std::iter;
use std::panic::{Location, RefUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::counting::Claims;
use crate::event::{Inherited, RequestIdCell, SpanName, SpanStart};
use crate::registry::{ListenerStates, Telemetry};

/// The maximum number of ancestors of a node. Without a limit, an endless chain of tasks, each spawned inside the previous
/// one, would keep all their nodes in memory.
const MAX_ANCESTORS: u16 = 128;

/// A node in the tree of contexts: a span, or a scope that changes the request id, the baggage or the handle.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) telemetry: Telemetry,
    kind: Kind,
    parent: Option<Arc<Node>>,
    depth: u16,
    ended: AtomicBool,
    /// Whether the latest chunk of a stream inside is content-free, and that stream was not polled since.
    content_free: AtomicBool,
    retries: AtomicU32,
    claims: Claims,
    /// The states of listeners for this span and for enclosing spans. Before the start: the values returned by `on_build`.
    states: Option<ListenerStates>,
}

// A listener that panics is detached, and its state is not used again. All other interior mutability is atomic.
impl RefUnwindSafe for Node {}

#[derive(Debug)]
pub(crate) enum Kind {
    /// An observed span.
    Span(SpanStart),
    /// An unobserved span that needs a node: it has its own request id or baggage, or separates nested spans from an enclosing
    /// call.
    Unobserved(SpanName, Passed),
    /// The scope of a request id, of baggage or of a handle.
    Scope(Passed),
}

/// What a node passes on to what is inside. A span stores it in its `SpanStart`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed {
    /// `None` outside any request.
    pub(crate) request: Option<RequestIdCell>,
    pub(crate) inherited: Option<Arc<Inherited>>,
}

impl Node {
    pub(crate) fn new(kind: Kind, telemetry: Telemetry, parent: Option<Arc<Self>>) -> Arc<Self> {
        let mut node = Self::alone(kind, telemetry);
        node.put_inside(parent);
        Arc::new(node)
    }

    /// Creates the node of a span that has not started. The pointer is unique until then.
    #[track_caller]
    pub(crate) fn draft(name: SpanName) -> Arc<Self> {
        let built_at = Location::caller();
        // `new_cyclic` constructs the node in place. To copy it there costs 6 of the 166 ns of an observed span.
        // The handle is a placeholder, which the start replaces.
        Arc::new_cyclic(|_| Self::alone(Kind::Span(SpanStart::new(name, built_at)), Telemetry::global()))
    }

    fn alone(kind: Kind, telemetry: Telemetry) -> Self {
        Self {
            telemetry,
            kind,
            parent: None,
            depth: 0,
            ended: AtomicBool::new(false),
            content_free: AtomicBool::new(false),
            retries: AtomicU32::new(0),
            claims: Claims::new(),
            states: None,
        }
    }

    /// Sets the parent. `self.telemetry` must be final: listeners in the parent wrap polls of this node only if they are
    /// attached to the same handle.
    pub(crate) fn put_inside(&mut self, parent: Option<Arc<Self>>) {
        // Before the limit is applied, so that listeners are called for deeper nodes too.
        if let Some(parent_states) = parent.as_deref().and_then(Self::states) {
            self.states.get_or_insert_default().inherit(&self.telemetry, parent_states);
        }
        // A node at the limit begins a new chain. It has its request and handle, which are stored in each node, but no
        // ancestors.
        self.parent = parent.filter(|parent| parent.depth < MAX_ANCESTORS);
        self.depth = self.parent.as_ref().map_or(0, |parent| parent.depth + 1);
    }

    /// Returns the request id. For a span that has not started, only the one that the caller set.
    pub(crate) fn request(&self) -> Option<&RequestIdCell> {
        match &self.kind {
            Kind::Span(SpanStart { request_id, .. }) => request_id.as_ref(),
            Kind::Unobserved(_, passed) | Kind::Scope(passed) => passed.request.as_ref(),
        }
    }

    /// Returns the baggage and the remote parent. For a span that has not started, only what the caller set.
    pub(crate) fn inherited(&self) -> Option<&Arc<Inherited>> {
        match &self.kind {
            Kind::Span(start) => start.inherited.as_ref(),
            Kind::Unobserved(_, passed) | Kind::Scope(passed) => passed.inherited.as_ref(),
        }
    }

    /// Returns the request id and the inherited values for writing, before the span starts.
    pub(crate) fn passed_mut(&mut self) -> (&mut Option<RequestIdCell>, &mut Option<Arc<Inherited>>) {
        match &mut self.kind {
            Kind::Span(start) => (&mut start.request_id, &mut start.inherited),
            Kind::Unobserved(_, passed) | Kind::Scope(passed) => (&mut passed.request, &mut passed.inherited),
        }
    }

    /// Returns the data of the span's start, if this is an observed span.
    pub(crate) fn start(&self) -> Option<&SpanStart> {
        match &self.kind {
            Kind::Span(start) => Some(start),
            Kind::Unobserved(..) | Kind::Scope(_) => None,
        }
    }

    /// Returns the data of the start for writing, before the span starts.
    pub(crate) fn start_mut(&mut self) -> Option<&mut SpanStart> {
        match &mut self.kind {
            Kind::Span(start) => Some(start),
            Kind::Unobserved(..) | Kind::Scope(_) => None,
        }
    }

    /// Returns the name of the span, observed or not.
    pub(super) fn name(&self) -> Option<SpanName> {
        match &self.kind {
            Kind::Span(start) => Some(start.name),
            Kind::Unobserved(name, _) => Some(*name),
            Kind::Scope(_) => None,
        }
    }

    /// Returns the nearest span among this node and its ancestors that is observed on this handle.
    pub(crate) fn nearest_span(&self, telemetry: &Telemetry) -> Option<&SpanStart> {
        self.lineage().filter(|node| node.telemetry.ptr_eq(telemetry)).find_map(Self::start)
    }

    /// Returns whether the handle was set by a scope or by an observed span, and is not merely the global default.
    pub(super) fn has_explicit_telemetry(&self) -> bool {
        !self.telemetry.ptr_eq(&Telemetry::global()) || self.lineage().any(|node| node.start().is_some())
    }

    /// Returns the call to which a retry in this context is added, if it is observed.
    pub(crate) fn retried_call(&self) -> Option<&Self> {
        // A tool ends the search: its own retries are not those of the call that requested it.
        let ends_search = |name: SpanName| name.is_call() || name == SpanName::Tool;
        self.lineage()
            .find(|node| node.name().is_some_and(ends_search))
            .filter(|node| node.is_observed_call())
    }

    /// Returns whether an unobserved span of this name needs a node in this context. It does if an observed call encloses it
    /// and no span in between separates the two, because spans nested in it would be attributed to that call.
    pub(crate) fn needs_boundary(&self, name: SpanName) -> bool {
        let separates = |between: SpanName| match name {
            // A tool also ends the search of `retried_call`, which only another tool does as well.
            SpanName::Tool => between == SpanName::Tool,
            // A nested call receives its own retries.
            _ if name.is_call() => between.is_call() || between == SpanName::Tool,
            // The others matter only for the tokens, where any span that is not a call separates.
            _ => !between.is_call(),
        };
        let nearest =
            self.lineage().find(|node| node.is_observed_call() || node.name().is_some_and(separates));
        nearest.is_some_and(Self::is_observed_call)
    }

    fn is_observed_call(&self) -> bool {
        self.start().is_some_and(|start| start.name.is_call())
    }

    pub(crate) fn count_retry(&self) {
        // Relaxed: a counter, on which no other data depends.
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of attempts, including the first.
    pub(crate) fn attempts(&self) -> u32 {
        self.retries.load(Ordering::Relaxed).saturating_add(1)
    }

    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }

    pub(crate) fn mark_ended(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Sets on all enclosing spans whether the latest chunk of the stream of this one is content-free.
    pub(crate) fn set_enclosing_content_free(&self, content_free: bool) {
        // Relaxed: no other data depends on it. The item of an enclosing stream is returned by the same thread, later.
        self.ancestors().for_each(|outer| outer.content_free.store(content_free, Ordering::Relaxed));
    }

    /// Returns whether the item that this span's stream returns is a content-free chunk of a stream inside, and resets that.
    #[inline]
    pub(crate) fn take_content_free(&self) -> bool {
        let content_free = self.content_free.load(Ordering::Relaxed);
        if content_free {
            self.content_free.store(false, Ordering::Relaxed);
        }
        content_free
    }

    #[inline]
    pub(crate) fn states(&self) -> Option<&ListenerStates> {
        self.states.as_ref()
    }

    /// Returns the data of the start, and the listener states for writing, before the span starts.
    pub(crate) fn start_and_states(&mut self) -> Option<(&SpanStart, &mut ListenerStates)> {
        let Kind::Span(start) = &self.kind else { return None };
        Some((start, self.states.get_or_insert_default()))
    }

    pub(crate) fn drop_states(&mut self) {
        self.states = None;
    }

    /// Runs a poll or a drop inside the listeners that wrap polls. The node must be the current context. `work` must not
    /// panic: the caller wraps code that may panic in `catch`.
    #[inline]
    pub(crate) fn around<R>(&self, work: impl FnOnce() -> R) -> R {
        let Some(states) = self.states().filter(|states| states.any_wraps_polls()) else { return work() };
        states.wrap_poll(self.ended.load(Ordering::Relaxed), work)
    }

    /// Returns the ancestors of this node, the nearest first.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = &Self> {
        self.lineage().skip(1)
    }

    /// Returns this node and its ancestors, the nearest first.
    pub(super) fn lineage(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |node| node.parent.as_deref())
    }
}
