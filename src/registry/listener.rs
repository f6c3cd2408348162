use std::time::Duration;

use crate::event::{Content, Event, SpanName};

/// How many listeners one [`Telemetry`](crate::Telemetry) can have. Each is called on every poll, so they are few.
pub const MAX_LISTENERS: usize = 8;

/// Follows whole spans and keeps a state for each: what a bridge to a system with spans of its own is built on.
///
/// The state lies on the span's own context, so a child that starts after its parent's end still finds it. A listener
/// that is attached mid-span ignores the end of a span whose start it did not see (and
/// [counts it](crate::Telemetry::ends_without_start)). One that is detached gets no further call; its states drop with their
/// spans, and it with the last of them. A listener that panics is detached and reported like a handler, and so is one that
/// opens spans it follows from inside itself or the drop of a state, 64 deep.
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
    /// What is captured where a span is built, such as a foreign context that is current there.
    type Built: Send + Sync + 'static;
    /// What is kept for each span from its start on.
    type State: Send + Sync + 'static;

    /// Which spans it follows. All by default. Asked when it is attached.
    fn follows(&self, span: SpanName) -> bool {
        let _ = span;
        true
    }

    /// Which content it may have. None by default. Asked when it is attached.
    fn content(&self) -> Content {
        Content::NONE
    }

    /// Whether it wants [`on_chunk`](Self::on_chunk) calls. Asked when it is attached.
    fn wants_chunks(&self) -> bool {
        false
    }

    /// Whether it wants [`around`](Self::around) calls. Asked when it is attached.
    fn wants_around(&self) -> bool {
        false
    }

    /// A span is being built here.
    fn on_build(&self) -> Self::Built;

    /// A span starts. `parent` is the state of the nearest span around it that this listener follows, which may have
    /// ended already.
    fn on_start(&self, event: &Event<'_>, built: Self::Built, parent: Option<&Self::State>) -> Self::State;

    /// Something happened in a span: its first chunk came, or a call in it is retried.
    fn on_event(&self, state: &Self::State, event: &Event<'_>) {
        let _ = (state, event);
    }

    /// A chunk came, `gap` after the stream began to wait for it; zero if it was ready at once.
    fn on_chunk(&self, state: &Self::State, gap: Duration) {
        let _ = (state, gap);
    }

    /// A span ends.
    fn on_end(&self, state: &Self::State, event: &Event<'_>);

    /// Called around every poll and the drop of everything that carries the span's context, on whatever task or thread.
    /// `ended` says that the span has ended already and a background task goes on. Call `poll` once; it runs exactly
    /// once even if the listener forgets or repeats it, and a panic in it goes on after this returns.
    fn around(&self, state: &Self::State, ended: bool, poll: &mut dyn FnMut()) {
        let _ = (state, ended);
        poll();
    }
}
