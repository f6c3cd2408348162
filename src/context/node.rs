use std::iter;
use std::panic::{Location, RefUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::counting::UsageCount;
use crate::event::{RequestIdCell, SpanName, SpanStart};
use crate::registry::{ListenerStates, Telemetry};

/// How many levels up a node still knows those around it. Otherwise a task that spawns its successor without end, each
/// inside the last, would keep them all in memory.
const MAX_DEPTH: u16 = 128;

/// A node in the tree of contexts: a span, or a scope that changes what is inherited.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) telemetry: Telemetry,
    kind: Kind,
    parent: Option<Arc<Node>>,
    depth: u16,
    ended: AtomicBool,
    retries: AtomicU32,
    usage_count: UsageCount,
    /// What listeners keep for this span and those around it, if there are any. Until the span starts, what they captured
    /// where it was built.
    states: Option<ListenerStates>,
}

// A listener that panics is detached, and its state is not used again. All else that changes is atomic.
impl RefUnwindSafe for Node {}

#[derive(Debug)]
pub(crate) enum Kind {
    /// An observed span.
    Span(SpanStart),
    /// A span that nobody observes, if it has a request id of its own or bounds the call around it.
    Unobserved(SpanName, Option<RequestIdCell>),
    /// A request, or a handle, for all that is inside. In the scope of a handle there may be many requests.
    Scope(Option<RequestIdCell>),
}

impl Node {
    pub(crate) fn new(kind: Kind, telemetry: Telemetry, parent: Option<Arc<Self>>) -> Arc<Self> {
        let mut node = Self::alone(kind, telemetry);
        node.put_inside(parent);
        Arc::new(node)
    }

    /// A span that was built and has not started. It is not shared until then.
    #[track_caller]
    pub(crate) fn draft(name: SpanName) -> Arc<Self> {
        let built_at = Location::caller();
        // `new_cyclic` constructs the node in place. To copy it there costs 6 of the 166 ns of an observed span.
        Arc::new_cyclic(|_| Self::alone(Kind::Span(SpanStart::new(name, built_at)), Telemetry::global()))
    }

    fn alone(kind: Kind, telemetry: Telemetry) -> Self {
        Self {
            telemetry,
            kind,
            parent: None,
            depth: 0,
            ended: AtomicBool::new(false),
            retries: AtomicU32::new(0),
            usage_count: UsageCount::new(),
            states: None,
        }
    }

    /// Puts this node below another. Its handle must be set, because only listeners of one handle are around both.
    pub(crate) fn put_inside(&mut self, parent: Option<Arc<Self>>) {
        if let Some(around) = parent.as_deref().and_then(Self::states) {
            self.states.get_or_insert_default().inherit(&self.telemetry, around);
        }
        // A node at the limit starts a new chain: it still has its request and handle, but not the spans around it.
        self.parent = parent.filter(|parent| parent.depth < MAX_DEPTH);
        self.depth = self.parent.as_ref().map_or(0, |parent| parent.depth + 1);
    }

    /// The request that this belongs to. Until a span starts, the one that the caller gave it.
    pub(crate) fn request(&self) -> Option<&RequestIdCell> {
        match &self.kind {
            Kind::Span(SpanStart { request_id, .. }) => request_id.as_ref(),
            Kind::Unobserved(_, request) | Kind::Scope(request) => request.as_ref(),
        }
    }

    /// This span's start, if it is observed.
    pub(crate) fn start(&self) -> Option<&SpanStart> {
        match &self.kind {
            Kind::Span(start) => Some(start),
            Kind::Unobserved(..) | Kind::Scope(_) => None,
        }
    }

    /// The same, to be written until the span starts.
    pub(crate) fn start_mut(&mut self) -> Option<&mut SpanStart> {
        match &mut self.kind {
            Kind::Span(start) => Some(start),
            Kind::Unobserved(..) | Kind::Scope(_) => None,
        }
    }

    /// The name of the span, observed or not.
    pub(super) fn name(&self) -> Option<SpanName> {
        match &self.kind {
            Kind::Span(start) => Some(start.name),
            Kind::Unobserved(name, _) => Some(*name),
            Kind::Scope(_) => None,
        }
    }

    /// The nearest span here or above that this handle observes.
    pub(crate) fn nearest_span(&self, telemetry: &Telemetry) -> Option<&SpanStart> {
        self.lineage().filter(|node| node.telemetry.ptr_eq(telemetry)).find_map(Self::start)
    }

    /// Whether the handle was chosen, by a scope or because it observes a span.
    pub(super) fn has_telemetry(&self) -> bool {
        !self.telemetry.ptr_eq(&Telemetry::global()) || self.lineage().any(|node| node.start().is_some())
    }

    /// The call that a retry here is counted on, if it is observed. A tool's own retries are nobody's.
    pub(crate) fn retried_call(&self) -> Option<&Self> {
        let is_asked = |name: SpanName| name.is_call() || name == SpanName::Tool;
        self.lineage().find(|node| node.name().is_some_and(is_asked)).filter(|node| node.is_observed_call())
    }

    /// Whether an unobserved span of this name, opened here, needs a node: what is inside it would be taken for a part of
    /// the observed call around it, and no span in between has separated the two already.
    pub(crate) fn needs_boundary(&self, name: SpanName) -> bool {
        let separates = |between: SpanName| match name {
            SpanName::Tool => between == SpanName::Tool,
            _ if name.is_call() => between.is_call() || between == SpanName::Tool,
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

    #[inline]
    pub(crate) fn states(&self) -> Option<&ListenerStates> {
        self.states.as_ref()
    }

    /// The span's start, and where listeners write what they keep for it, until it is shared.
    pub(crate) fn start_and_states(&mut self) -> Option<(&SpanStart, &mut ListenerStates)> {
        let Kind::Span(start) = &self.kind else { return None };
        Some((start, self.states.get_or_insert_default()))
    }

    pub(crate) fn drop_states(&mut self) {
        self.states = None;
    }

    /// Runs a poll, or a drop, inside the listeners that want to be around it. The node is entered, and `work` must not
    /// panic: the caller catches what may.
    #[inline]
    pub(crate) fn around<R>(&self, work: impl FnOnce() -> R) -> R {
        let Some(states) = self.states().filter(|states| states.want_around()) else { return work() };
        states.around(self.ended.load(Ordering::Relaxed), work)
    }

    /// The nodes around this one, the nearest first.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = &Self> {
        self.lineage().skip(1)
    }

    /// This node and those around it, the nearest first.
    pub(super) fn lineage(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |node| node.parent.as_deref())
    }
}
