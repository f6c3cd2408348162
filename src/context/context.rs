use std::fmt;
use std::sync::Arc;

use super::node::{Kind, Node};
use crate::event::{LazyRequestId, RequestId, RequestIdCell};
use crate::registry::{ListenerStates, Telemetry};

/// The context of a piece of code: the request id, the span around it, and the [`Telemetry`] that it emits to.
///
/// It can be cloned, sent through a channel and entered elsewhere, and is the same context there. It keeps the span's
/// identity alive, not its work.
///
/// # Examples
///
/// Work that is queued in one request and done by a worker thread:
///
/// ```
/// use allm_telemetry::{prelude::*, Context, current_request_id};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// async {
///     let asked_by = Context::current();
///     let id = current_request_id();
///     std::thread::spawn(move || asked_by.run(|| assert_eq!(current_request_id(), id))).join().unwrap();
/// }
/// .in_span_infallible(Span::chat())
/// .await;
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Context {
    /// The innermost observed span or scope.
    pub(super) node: Option<Arc<Node>>,
    /// The request, if nobody observes it. Such a request needs no node, so that it allocates nothing.
    pub(super) bare_request: Option<LazyRequestId>,
}

impl Context {
    /// Returns the request id, if this is the context of a request.
    #[must_use]
    pub fn request_id(&self) -> Option<RequestId> {
        match self.bare_request {
            Some(request) => Some(request.id()),
            None => self.node.as_ref()?.request()?.get().clone().into(),
        }
    }

    pub(crate) fn of(node: Arc<Node>) -> Self {
        Self { node: Some(node), bare_request: None }
    }

    /// The same inside a request: a new one that nobody observes, unless there is one already.
    #[inline]
    pub(crate) fn in_request(mut self) -> Self {
        if !self.has_request() {
            self.bare_request = Some(LazyRequestId::next());
        }
        self
    }

    /// The context inside a scope with this request.
    pub(super) fn with_request(&self, request: RequestIdCell) -> Self {
        Self::of(Node::new(Kind::Scope(Some(request)), self.telemetry(), self.to_node()))
    }

    /// The context inside a scope of this handle.
    pub(super) fn with_telemetry(&self, telemetry: Telemetry) -> Self {
        Self::of(Node::new(Kind::Scope(self.request()), telemetry, self.to_node()))
    }

    /// The request, for what is opened inside. Does not read its id.
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

    pub(crate) fn telemetry(&self) -> Telemetry {
        self.node.as_ref().map_or_else(Telemetry::global, |node| node.telemetry.clone())
    }

    /// Whether a scope or an observed span has decided on the handle. Otherwise it is the global one by default.
    pub(super) fn has_telemetry(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.has_telemetry())
    }

    #[inline]
    pub(crate) fn node(&self) -> Option<&Node> {
        self.node.as_deref()
    }

    /// The node, if listeners want to be around what is polled in it.
    #[inline]
    pub(super) fn listened_node(&self) -> Option<Arc<Node>> {
        let listened = |node: &&Arc<Node>| node.states().is_some_and(ListenerStates::want_around);
        self.node.as_ref().filter(listened).cloned()
    }

    /// The parent of a node that is opened in this context. A request that nobody observes gets a node here, so that
    /// [`is_inside`](Self::is_inside) finds it even from inside a request with another id.
    pub(crate) fn to_node(&self) -> Option<Arc<Node>> {
        let Some(request) = self.bare_request else { return self.node.clone() };
        let scope = Kind::Scope(Some(RequestIdCell::lazy(request)));
        Some(Node::new(scope, self.telemetry(), self.node.clone()))
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
