use std::time::Duration;

use crate::event::{Content, Event, SpanName};

/// How many listeners one [`Telemetry`](crate::Telemetry) can have. The limit is low because a poll may call each of them.
pub const MAX_LISTENERS: usize = 8;

/// Follows whole spans and keeps a state for each. The bridges to systems with spans of their own are listeners.
///
/// The state is stored in the context of its span, so a child that starts after its parent's end still finds it. A
/// listener that is attached mid-span ignores the end of a span whose start it did not see, and
/// [counts it](crate::Telemetry::ends_without_start). A listener that is detached gets no further call; its states are
/// dropped with their spans, and the listener with the last of them.
///
/// A listener that panics is detached and reported, as a handler is. So is one that opens a span that it follows inside
/// one of its methods, or in the drop of a state, if that nests more than 64 deep.
///
/// # Examples
///
/// Counts the spans that are open.
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
    /// What is captured where a span is built, such as the current context of another tracing system.
    type Built: Send + Sync + 'static;
    /// What is kept for each span from its start.
    type State: Send + Sync + 'static;

    /// Returns whether it follows spans of this name. All by default. Called when it is attached.
    fn follows(&self, span: SpanName) -> bool {
        let _ = span;
        true
    }

    /// Returns which content it may see. None by default. Called when it is attached.
    fn content(&self) -> Content {
        Content::NONE
    }

    /// Returns whether [`on_chunk`](Self::on_chunk) is to be called. Called when it is attached.
    fn wants_chunks(&self) -> bool {
        false
    }

    /// Returns whether [`around`](Self::around) is to be called. Called when it is attached.
    fn wants_around(&self) -> bool {
        false
    }

    /// Called where a span is built.
    fn on_build(&self) -> Self::Built;

    /// Called when a span starts. `parent` is the state of the nearest span around it that this listener follows. That
    /// span may have ended already.
    fn on_start(&self, event: &Event<'_>, built: Self::Built, parent: Option<&Self::State>) -> Self::State;

    /// Called when the first chunk of a span has arrived, and when a call in it is retried.
    fn on_event(&self, state: &Self::State, event: &Event<'_>) {
        let _ = (state, event);
    }

    /// Called for each chunk. `gap` is how long the stream waited for it: zero if it was ready.
    fn on_chunk(&self, state: &Self::State, gap: Duration) {
        let _ = (state, gap);
    }

    /// Called when a span ends.
    fn on_end(&self, state: &Self::State, event: &Event<'_>);

    /// Called around every poll, and around the drop, of everything that carries the span's context, on any task or
    /// thread. `ended` says that the span has ended already and a background task still runs.
    ///
    /// Call `poll` once. It runs exactly once even if this method does not call it or calls it twice. A panic inside it
    /// is caught, and continues after this method has returned.
    fn around(&self, state: &Self::State, ended: bool, poll: &mut dyn FnMut()) {
        let _ = (state, ended);
        poll();
    }
}
