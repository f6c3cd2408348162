use std::future::Future;

use super::carried::{InContext, Scope};
use super::context::Context;
use crate::event::RequestId;
use crate::registry::Telemetry;

/// Wraps a future: all spans inside belong to the request with this id, such as one that came in an HTTP header.
///
/// It may be put around or inside other scopes, in any order. Put it around the outermost span. A span that is wrapped around it, as in
/// `with_request_id(id, work).in_span_infallible(Span::chat())`, has another id; it is the parent of the spans inside.
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
    InContext::pending(Scope::RequestId(id), future)
}

impl Telemetry {
    /// Wraps a future: its spans, and those of tasks it spawns with context, emit to this handle. The request around it
    /// stays the same.
    ///
    /// Two tests that each run in the scope of a handle of their own do not see each other.
    pub fn scope<F: Future>(&self, future: F) -> InContext<F> {
        InContext::pending(Scope::Telemetry(self.clone()), future)
    }

    /// Runs a closure whose spans emit to this handle.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        Context::current().with_telemetry(self.clone()).run(work)
    }
}

impl Context {
    /// Wraps a future: it is polled and dropped in exactly this context, wherever that happens.
    pub fn scope<F: Future>(self, future: F) -> InContext<F> {
        InContext::exactly(self, future)
    }
}
