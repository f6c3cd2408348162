use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::carried::InContext;
use super::current;
use super::node::{Node, Place};
use crate::event::{LazyRequestId, RequestId, RequestIdCell};
use crate::registry::Telemetry;

/// What a task knows: the request id, the span it is inside, and the [`Telemetry`] it emits to.
///
/// A handle that can be cloned, sent through a channel and entered elsewhere. It is the same context wherever it is
/// entered, and keeps the span's identity (not its work) alive.
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
    pub(super) node: Option<Arc<Node>>,
    /// Of an unobserved request, which needs no node of its own. Not looked at when the node has a request id.
    pub(super) id: Option<LazyRequestId>,
}

/// The request id of this task, inside any span or scope that has one, observed or not.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{prelude::*, current_request_id};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(current_request_id(), None);
/// let (outer, inner) = async {
///     (current_request_id(), async { current_request_id() }.in_span_infallible(Span::step()).await)
/// }
/// .in_span_infallible(Span::chat())
/// .await;
/// assert!(outer.is_some() && outer == inner);
/// # }
/// ```
#[must_use]
pub fn current_request_id() -> Option<RequestId> {
    current::ambient().request_id()
}

impl Context {
    /// The context of the code that calls this. Empty outside every span and scope.
    #[must_use]
    pub fn current() -> Self {
        current::ambient()
    }

    /// The request id, if this is the context of a request.
    #[must_use]
    pub fn request_id(&self) -> Option<RequestId> {
        let of_node = self.node.as_ref().and_then(|node| node.request_id());
        of_node.cloned().or_else(|| self.id.map(LazyRequestId::id))
    }

    /// The request id for a span inside, without reading it.
    pub(crate) fn request_id_cell(&self) -> Option<RequestIdCell> {
        let of_node = self.node.as_ref().and_then(|node| node.request_id_cell());
        of_node.or_else(|| self.id.map(RequestIdCell::of))
    }

    /// Runs a closure in this context.
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        let mut context = self;
        current::enter_task(&mut context, work)
    }

    /// Wraps a future: it is polled and dropped in this context.
    pub fn scope<F: Future>(self, future: F) -> InContext<F> {
        InContext::new(self, future)
    }

    pub(crate) fn of(node: Arc<Node>) -> Self {
        Self { node: Some(node), id: None }
    }

    /// The context of the outermost call of a request that nobody observes: its id is drawn when it is first read.
    pub(crate) fn unread(self) -> Self {
        Self { node: self.node, id: Some(LazyRequestId::next()) }
    }

    /// Makes this empty context the one of a new request.
    #[inline]
    pub(crate) fn begin_request(&mut self) {
        self.id = Some(LazyRequestId::next());
    }

    /// Whether this is an unobserved request and nothing else.
    #[inline]
    pub(crate) fn is_bare_request(&self) -> bool {
        self.node.is_none() && self.id.is_some()
    }

    /// Whether this belongs to a request.
    pub(crate) fn has_request(&self) -> bool {
        self.id.is_some() || self.node.as_ref().is_some_and(|node| node.has_request())
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.node.is_none() && self.id.is_none()
    }

    pub(crate) fn node(&self) -> Option<&Arc<Node>> {
        self.node.as_ref()
    }

    /// Leaves this context empty.
    pub(crate) fn take_node(&mut self) -> Option<Arc<Node>> {
        self.id = None;
        self.node.take()
    }

    pub(crate) fn telemetry(&self) -> Telemetry {
        self.node.as_ref().map_or_else(Telemetry::global, |node| node.telemetry.clone())
    }

    /// Whether this request is `id`, or one around it that was replaced by a given id.
    fn is_of(&self, id: Option<&RequestId>) -> bool {
        self.node.as_ref().is_some_and(|node| node.is_of(id)) || self.request_id().as_ref() == id
    }

    /// The node that a span with an id of its own is in: one that keeps the request around it known.
    pub(crate) fn node_of_request(&self) -> Option<Arc<Node>> {
        match self.id {
            Some(ticket) if !self.node.as_ref().is_some_and(|node| node.has_request()) => {
                let place = Place::Scope(Some(ticket.id()));
                Some(Node::scope(place, self.telemetry(), self.node.clone()))
            }
            _ => self.node.clone(),
        }
    }

    /// Whether this was opened inside `outer`, or is it.
    pub(crate) fn is_inside(&self, outer: &Self) -> bool {
        let node_inside = match (&self.node, &outer.node) {
            (Some(inner), Some(outer)) => inner.is_inside(outer),
            (_, None) => true,
            (None, Some(_)) => false,
        };
        // An unobserved request leaves no node, but everything in it has its id.
        node_inside && (outer.id.is_none() || self.id == outer.id || self.is_of(outer.request_id().as_ref()))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.node.as_ref().and_then(|node| node.start()).map(|start| start.span_id);
        f.debug_struct("Context").field("request_id", &self.request_id()).field("span_id", &span).finish()
    }
}
