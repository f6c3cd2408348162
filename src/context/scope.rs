use std::future::Future;

use super::context::Context;
use super::in_context::{InContext, Scope};
use crate::event::{Metadata, RequestId};
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

/// Wraps a future so that all spans inside carry these keys in their metadata, such as the user or the tenant that a request is
/// for. So tokens can be summed by user without a line of code where the model is called.
///
/// The keys are the user's own, as with [`Span::metadata`](crate::Span::metadata): exporters send them only if their
/// [`Policy`](crate::Policy) allows it. A key that the span itself sets, and a standard key that it has, takes
/// precedence over one of the baggage; an inner scope over an outer one. Retries (`allm.adapter.retry`) do not carry baggage.
///
/// Baggage crosses tasks and threads as the request id does. See [`propagation`](crate::propagation) for other processes, and
/// [`Span::baggage`](crate::Span::baggage) to add to it where a span begins. Scopes can be nested in any order.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{attach, prelude::*, with_baggage};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), allm_telemetry::handler::AttachError> {
/// attach("tokens by user", "allm.generate.stop", |event: &Event<'_>| {
///     let (user, usage) = (event.metadata("user_id"), event.usage());
///     assert_eq!(user.and_then(|user| user.as_str()), Some("u-1"));
///     # assert!(usage.is_none());
/// })?;
///
/// let answer = async { "an answer" }.in_span_infallible(Span::generate());
/// with_baggage([("user_id", "u-1")], answer.in_span_infallible(Span::chat())).await;
/// # allm_telemetry::detach("tokens by user").unwrap();
/// # Ok(())
/// # }
/// ```
pub fn with_baggage<F: Future>(baggage: impl Into<Metadata>, future: F) -> InContext<F> {
    InContext::pending(Scope::Baggage(baggage.into()), future)
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
