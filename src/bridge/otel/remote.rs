use std::str::FromStr as _;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::event::TraceParent;

/// Converts the parent that a request was received with.
pub(super) fn span_context(parent: &TraceParent) -> SpanContext {
    let (trace_id, span_id) = (TraceId::from_bytes(parent.trace_id()), SpanId::from_bytes(parent.span_id()));
    // OpenTelemetry restricts keys more than the check that it has passed.
    let state = TraceState::from_str(parent.trace_state()).unwrap_or_default();
    SpanContext::new(trace_id, span_id, TraceFlags::new(parent.flags()), true, state)
}

/// Converts a span for the headers of a request. `None` if there is no span.
pub(super) fn trace_parent(span: &SpanContext) -> Option<TraceParent> {
    let (trace_id, span_id) = (span.trace_id().to_bytes(), span.span_id().to_bytes());
    let parent = TraceParent::new(trace_id, span_id, span.trace_flags().to_u8())?;
    // The API lets an application set values that must not be in a header.
    parent.clone().with_trace_state(&span.trace_state().header()).or(Some(parent))
}
