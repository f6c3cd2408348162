use std::fmt;
use std::sync::Arc;

use super::node::{Kind, Node, Passed};
use crate::event::{Inherited, LazyRequestId, Metadata, RequestId, RequestIdCell};
use crate::registry::{ListenerStates, Telemetry};

/// The request id, the span, the baggage and the [`Telemetry`] handle of a piece of code.
///
/// A context can be cloned, sent through a channel and entered in another task or thread. It keeps the identity of the span
/// alive, but does not delay its end.
///
/// # Examples
///
/// A worker thread does work that was queued by a request:
///
/// ```
/// use allm_telemetry::{prelude::*, Context, current_request_id};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async {
///     let context = Context::current();
///     let id = current_request_id();
///     std::thread::spawn(move || context.run(|| assert_eq!(current_request_id(), id))).join().unwrap();
/// }
/// .in_span_infallible(Span::chat())
/// .await;
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Context {
    /// The innermost node.
    pub(super) node: Option<Arc<Node>>,
    /// The id of an unobserved request. Such a request has no node, so that nothing is allocated.
    pub(super) bare_request: Option<LazyRequestId>,
}

impl Context {
    /// Returns the request id, if this is the context of a request.
    #[must_use]
    pub fn request_id(&self) -> Option<RequestId> {
        // If both exist, the request was begun inside the node.
        match self.bare_request {
            Some(request) => Some(request.id()),
            None => Some(self.node.as_ref()?.request()?.get().clone()),
        }
    }

    pub(crate) fn of(node: Arc<Node>) -> Self {
        Self { node: Some(node), bare_request: None }
    }

    /// Adds a new unobserved request, if this context has no request.
    #[inline]
    pub(crate) fn in_request(mut self) -> Self {
        if !self.has_request() {
            self.bare_request = Some(LazyRequestId::next());
        }
        self
    }

    /// Returns the context inside a scope with this request.
    pub(super) fn with_request(&self, request: RequestIdCell) -> Self {
        self.with_inherited(Some(request), None)
    }

    /// Returns the context inside a scope with this baggage.
    pub(super) fn with_baggage(&self, baggage: Metadata) -> Self {
        if baggage.is_empty() {
            return self.clone();
        }
        let added = Inherited { baggage, ..Inherited::default() };
        self.with_inherited(self.request(), Some(Arc::new(added)))
    }

    /// Returns the context inside a scope with this request, and with what is added to the baggage.
    pub(super) fn with_inherited(
        &self,
        request: Option<RequestIdCell>,
        added: Option<Arc<Inherited>>,
    ) -> Self {
        let passed = Passed { request, inherited: Inherited::nest(self.inherited(), added) };
        Self::of(Node::new(Kind::Scope(passed), self.telemetry(), self.clone().into_node()))
    }

    /// Returns the context inside a scope of this handle.
    pub(super) fn with_telemetry(&self, telemetry: Telemetry) -> Self {
        let passed = Passed { request: self.request(), inherited: self.inherited().cloned() };
        Self::of(Node::new(Kind::Scope(passed), telemetry, self.clone().into_node()))
    }

    /// Returns the request for a nested span, without computing its id.
    pub(crate) fn request(&self) -> Option<RequestIdCell> {
        match self.bare_request {
            Some(request) => Some(RequestIdCell::lazy(request)),
            None => self.node.as_ref()?.request().cloned(),
        }
    }

    #[inline]
    pub(super) fn has_request(&self) -> bool {
        self.bare_request.is_some() || self.node.as_ref().is_some_and(|node| node.request().is_some())
    }

    /// Returns the baggage and the remote parent for a nested span.
    #[inline]
    pub(crate) fn inherited(&self) -> Option<&Arc<Inherited>> {
        self.node.as_ref()?.inherited()
    }

    /// Returns whether this context has a place: a request or baggage. A span is always in a request.
    pub(super) fn has_place(&self) -> bool {
        self.has_request() || self.inherited().is_some()
    }

    pub(crate) fn telemetry(&self) -> Telemetry {
        self.node.as_ref().map_or_else(Telemetry::global, |node| node.telemetry.clone())
    }

    /// Returns whether the handle was set by a scope or by an observed span, and is not merely the global default.
    pub(super) fn has_explicit_telemetry(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.has_explicit_telemetry())
    }

    #[inline]
    pub(crate) fn node(&self) -> Option<&Node> {
        self.node.as_deref()
    }

    /// Returns the node, if it has listeners that wrap polls.
    #[inline]
    pub(super) fn listened_node(&self) -> Option<Arc<Node>> {
        let listened = |node: &&Arc<Node>| node.states().is_some_and(ListenerStates::any_wraps_polls);
        self.node.as_ref().filter(listened).cloned()
    }

    /// Returns the parent for a node that is created in this context. An unobserved request gets a node here, so that
    /// [`is_inside`](Self::is_inside) finds it among the ancestors of nested nodes, even if those have another request id.
    pub(crate) fn into_node(self) -> Option<Arc<Node>> {
        let Some(request) = self.bare_request else { return self.node };
        let request = Some(RequestIdCell::lazy(request));
        let passed = Passed { request, inherited: self.inherited().cloned() };
        Some(Node::new(Kind::Scope(passed), self.telemetry(), self.node))
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.node.is_none() && self.bare_request.is_none()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.node.as_ref().and_then(|node| node.start()).map(|start| start.span_id);
        f.debug_struct("Context").field("request_id", &self.request_id()).field("span_id", &span).finish()
    }
}
