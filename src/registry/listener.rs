use super::chunk::Chunk;
use crate::event::{Content, Event, SpanName, TraceParent};

/// How many listeners one [`Telemetry`](crate::Telemetry) can have. The limit is low because a poll may call each of them.
pub const MAX_LISTENERS: usize = 8;

/// Observes spans from start to end and stores a state per span. The bridges to systems with their own spans are listeners.
///
/// The state is stored in the context of its span, so a child that starts after its parent's end still finds it. A
/// listener that is attached while a span is open ignores the end of that span, and
/// [counts it](crate::Telemetry::ends_without_start). A detached listener is no longer called; its states are dropped with
/// their spans, and the listener with the last of them.
///
/// A listener that panics is detached and reported, as a handler is. So is a listener whose methods, or the drop of a state,
/// recursively open spans that it follows, once more than 64 calls are nested.
///
/// # Examples
///
/// Counts open spans.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use allm_telemetry::{prelude::*, Listener, Telemetry};
///
/// static OPEN: AtomicUsize = AtomicUsize::new(0);
/// struct Gauge;
/// struct Open;
/// impl Drop for Open {
///     fn drop(&mut self) {
///         OPEN.fetch_sub(1, Ordering::Relaxed);
///     }
/// }
///
/// impl Listener for Gauge {
///     type Built = ();
///     type State = Open;
///     fn on_build(&self) {}
///     fn on_start(&self, _: &Event<'_>, _: (), _: Option<&Open>) -> Open {
///         OPEN.fetch_add(1, Ordering::Relaxed);
///         Open
///     }
///     fn on_end(&self, _: &Open, _: &Event<'_>) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), allm_telemetry::handler::AttachError> {
/// let telemetry = Telemetry::new();
/// telemetry.listen("gauge", Gauge)?;
/// let work = async { assert_eq!(OPEN.load(Ordering::Relaxed), 1) };
/// telemetry.scope(work.in_span_infallible(Span::chat())).await;
/// assert_eq!(OPEN.load(Ordering::Relaxed), 0);
/// # Ok(())
/// # }
/// ```
pub trait Listener: Send + Sync + 'static {
    /// The value of [`on_build`](Self::on_build), such as the current context of another tracing system.
    type Built: Send + Sync + 'static;
    /// The state of a span, stored from its start.
    type State: Send + Sync + 'static;

    /// Returns whether it follows spans of this name. `true` by default. Called once, when it is attached.
    fn follows(&self, span: SpanName) -> bool {
        let _ = span;
        true
    }

    /// Returns which content it may receive. None by default. Called once, when it is attached.
    fn content(&self) -> Content {
        Content::NONE
    }

    /// Returns whether [`on_chunk`](Self::on_chunk) is to be called. Called once, when it is attached.
    fn wants_chunks(&self) -> bool {
        false
    }

    /// Returns whether [`around`](Self::around) is to be called. Called once, when it is attached.
    fn wants_around(&self) -> bool {
        false
    }

    /// Called where a span is created.
    fn on_build(&self) -> Self::Built;

    /// Called when a span starts. `parent` is the state of the nearest enclosing span that this listener follows. That span may
    /// have ended already.
    fn on_start(&self, event: &Event<'_>, built: Self::Built, parent: Option<&Self::State>) -> Self::State;

    /// Called when the first chunk of a span arrives, and when a call inside it is retried.
    fn on_event(&self, state: &Self::State, event: &Event<'_>) {
        let _ = (state, event);
    }

    /// Called for each chunk, including content-free ones. For the first chunk with content it is called after
    /// [`on_event`](Self::on_event).
    fn on_chunk(&self, state: &Self::State, chunk: &Chunk) {
        let _ = (state, chunk);
    }

    /// Called when a span ends.
    fn on_end(&self, state: &Self::State, event: &Event<'_>);

    /// Called when a context inside the span is [injected](crate::Context::inject) into a request to another process. Returns the
    /// position in a trace of a tracing system, which the headers of that request then have.
    fn trace_parent(&self, state: &Self::State) -> Option<TraceParent> {
        let _ = state;
        None
    }

    /// Called around every poll, and around the drop, of each future or stream that has the span's context, on any task or thread.
    /// `ended` is whether the span has already ended, while a background task still runs in its context.
    ///
    /// Call `poll` once. It runs exactly once even if this method does not call it or calls it twice. A panic inside it is
    /// caught, and is resumed after this method has returned.
    fn around(&self, state: &Self::State, ended: bool, poll: &mut dyn FnMut()) {
        let _ = (state, ended);
        poll();
    }
}
