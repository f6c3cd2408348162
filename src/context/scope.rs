use std::future::Future;

use super::carried::{InContext, Scope};
use super::context::Context;
use crate::event::RequestId;
use crate::registry::Telemetry;

/// Wraps a future so that all spans inside belong to the request with this id, such as one received in an HTTP header.
///
/// Wrap the outermost span in it. A span that wraps it instead, as in
/// `with_request_id(id, work).in_span_infallible(Span::chat())`, is the parent of the spans inside but has a different id.
/// Scopes can be nested in any order.
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
/// // The chat has the id, and so has everything inside it.
/// use allm_telemetry::prelude::*;
/// let work = async { current_request_id() };
/// assert_eq!(with_request_id(id.clone(), work.in_span_infallible(Span::chat())).await, Some(id));
/// # Ok(())
/// # }
/// ```
pub fn with_request_id<F: Future>(id: RequestId, future: F) -> InContext<F> {
    InContext::pending(Scope::RequestId(id), future)
}

impl Telemetry {
    /// Wraps a future so that its spans, and those of tasks that it spawns in its context, emit to this handle. The request
    /// does not change.
    ///
    /// Tests that each run in the scope of their own handle do not receive each other's events.
    pub fn scope<F: Future>(&self, future: F) -> InContext<F> {
        InContext::pending(Scope::Telemetry(self.clone()), future)
    }

    /// Runs a closure whose spans emit to this handle.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        Context::current().with_telemetry(self.clone()).run(work)
    }
}

impl Context {
    /// Wraps a future so that it is polled and dropped in exactly this context on any task or executor.
    pub fn scope<F: Future>(self, future: F) -> InContext<F> {
        InContext::exactly(self, future)
    }
}
