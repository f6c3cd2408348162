use opentelemetry::trace::{Span, SpanBuilder, TraceContextExt as _, Tracer};
use opentelemetry::{Context, InstrumentationScope, global};

/// A tracer whose type is erased.
pub(super) trait Tracing: Send + Sync {
    /// Starts a span as a child of the one in `around`; gives a context with it, and whether it records.
    fn start(&self, builder: SpanBuilder, around: &Context) -> (Context, bool);
}

/// A tracer of a provider that was given.
pub(super) struct Given<T>(pub(super) T);

impl<T> Tracing for Given<T>
where
    T: Tracer + Send + Sync,
    T::Span: Send + Sync + 'static,
{
    fn start(&self, builder: SpanBuilder, around: &Context) -> (Context, bool) {
        start(&self.0, builder, around)
    }
}

/// The tracer of whichever provider is the global one then: one that was taken before it was set would stay a no-op.
pub(super) struct Global(pub(super) InstrumentationScope);

impl Tracing for Global {
    fn start(&self, builder: SpanBuilder, around: &Context) -> (Context, bool) {
        start(&global::tracer_with_scope(self.0.clone()), builder, around)
    }
}

fn start<T: Tracer>(tracer: &T, builder: SpanBuilder, around: &Context) -> (Context, bool)
where
    T::Span: Send + Sync + 'static,
{
    let span = tracer.build_with_context(builder, around);
    let records = span.is_recording();
    (around.with_span(span), records)
}

/// Who it is that makes the spans and metrics.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION")).build()
}
