use std::future::Future;

use super::carried::InContext;
use super::current::ambient;
use super::handle::Context;
use super::node::{Node, Place};
use crate::event::RequestId;
use crate::registry::Telemetry;

/// Wraps a future: all spans inside belong to the request with this id, such as one that came in an HTTP header.
///
/// Put it outermost, around the outermost span. It captures its context where it is made, so a span that is wrapped around
/// it, as in `with_request_id(id, work).in_span_infallible(Span::chat())`, has another id and is no parent of the spans inside.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{current_request_id, with_request_id, RequestId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), allm_telemetry::event::ParseRequestIdError> {
/// let id: RequestId = "req-42".parse()?;
/// let inside = with_request_id(id.clone(), async { current_request_id() }).await;
/// assert_eq!(inside, Some(id.clone()));
///
/// // The chat has the id, and what is inside is inside the chat.
/// use allm_telemetry::prelude::*;
/// let work = async { current_request_id() };
/// assert_eq!(with_request_id(id.clone(), work.in_span_infallible(Span::chat())).await, Some(id));
/// # Ok(())
/// # }
/// ```
pub fn with_request_id<F: Future>(id: RequestId, future: F) -> InContext<F> {
    let outer = ambient();
    InContext::new(scoped(outer.telemetry(), Some(id), &outer), future)
}

impl Telemetry {
    /// Wraps a future: its spans, and those of tasks it spawns with context, emit to this handle.
    ///
    /// Two tests that each run in the scope of a handle of their own do not see each other.
    pub fn scope<F: Future>(&self, future: F) -> InContext<F> {
        InContext::new(self.context(), future)
    }

    /// Runs a closure whose spans emit to this handle.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.context().run(work)
    }

    fn context(&self) -> Context {
        let outer = ambient();
        scoped(self.clone(), outer.request_id(), &outer)
    }
}

fn scoped(telemetry: Telemetry, id: Option<RequestId>, outer: &Context) -> Context {
    Context::of(Node::scope(Place::Scope(id), telemetry, outer.node_of_request()))
}
