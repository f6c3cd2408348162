use opentelemetry::trace::{Span, SpanBuilder, TraceContextExt as _, Tracer};
use opentelemetry::{Context, InstrumentationScope, global};

/// A tracer whose type is erased.
pub(super) trait Tracing: Send + Sync {
    /// Starts a span as a child of the one in `parent`. Returns a context with it, and whether it is recorded.
    fn start(&self, builder: SpanBuilder, parent: &Context) -> (Context, bool);
}

/// The tracer of a provider that was set.
pub(super) struct Given<T>(pub(super) T);

impl<T> Tracing for Given<T>
where
    T: Tracer + Send + Sync,
    T::Span: Send + Sync + 'static,
{
    fn start(&self, builder: SpanBuilder, parent: &Context) -> (Context, bool) {
        start(&self.0, builder, parent)
    }
}

/// The global tracer, obtained for each span: one obtained before a provider is installed would remain a no-op.
pub(super) struct Global(pub(super) InstrumentationScope);

impl Tracing for Global {
    fn start(&self, builder: SpanBuilder, parent: &Context) -> (Context, bool) {
        start(&global::tracer_with_scope(self.0.clone()), builder, parent)
    }
}

fn start<T: Tracer>(tracer: &T, builder: SpanBuilder, parent: &Context) -> (Context, bool)
where
    T::Span: Send + Sync + 'static,
{
    let span = tracer.build_with_context(builder, parent);
    let records = span.is_recording();
    (parent.with_span(span), records)
}

/// The instrumentation scope of all spans and metrics: this crate.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION")).build()
}
