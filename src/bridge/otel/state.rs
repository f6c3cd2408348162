use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};

use super::instruments::Gaps;

/// The state of the bridge for a span.
pub(super) struct State {
    /// The context that is current inside the span. It contains the OpenTelemetry span, if spans are created.
    pub(super) context: Context,
    /// Whether the OpenTelemetry span is recorded: it may not be sampled.
    pub(super) records: bool,
    /// The id of the remote parent of the request, if the span was started in one. Nested spans in the same request have the
    /// same id.
    pub(super) remote_span: Option<[u8; 8]>,
    /// Nanoseconds since the Unix epoch.
    pub(super) started: u64,
    /// Set with the first chunk.
    pub(super) gaps: OnceLock<Option<Gaps>>,
    /// Whether the first chunk was received.
    pub(super) first_chunk_seen: AtomicBool,
    pub(super) ended: AtomicBool,
}

impl State {
    /// Returns whether the OpenTelemetry span of a context is the one of this state.
    pub(super) fn has_span_of(&self, context: &Context) -> bool {
        context.span().span_context().span_id() == self.context.span().span_context().span_id()
    }

    /// Returns the time `nanoseconds` after the start of the span.
    pub(super) fn after(&self, nanoseconds: u64) -> SystemTime {
        at(self.started.saturating_add(nanoseconds))
    }
}

/// Returns the time `system_time` nanoseconds after the Unix epoch.
pub(super) fn at(system_time: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(system_time)
}

impl Drop for State {
    /// Ends the span, if the bridge was detached before the call ended.
    fn drop(&mut self) {
        if self.records && !self.ended.load(Ordering::Relaxed) {
            let span = self.context.span();
            span.set_attribute(KeyValue::new("allm.outcome", "unobserved"));
            span.end();
        }
    }
}
