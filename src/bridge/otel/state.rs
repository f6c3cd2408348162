use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};

use super::instruments::Gaps;

/// What is kept of a span.
pub(super) struct State {
    /// The OpenTelemetry context inside: with its span, if spans are made.
    pub(super) context: Context,
    /// Whether there is a span that wants to know what is told of it.
    pub(super) records: bool,
    /// Nanoseconds since the Unix epoch.
    pub(super) started: u64,
    /// Known from the first chunk on.
    pub(super) gaps: OnceLock<Option<Gaps>>,
    /// Whether the first chunk has been counted: the wait for it is no gap.
    pub(super) first_chunk_seen: AtomicBool,
    pub(super) ended: AtomicBool,
}

impl State {
    /// A moment in the span's life, `nanoseconds` after its start.
    pub(super) fn after(&self, nanoseconds: u64) -> SystemTime {
        at(self.started.saturating_add(nanoseconds))
    }
}

/// A moment, by its nanoseconds since the Unix epoch.
pub(super) fn at(system_time: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(system_time)
}

impl Drop for State {
    /// The bridge was detached before the span ended.
    fn drop(&mut self) {
        if self.records && !self.ended.load(Ordering::Relaxed) {
            let span = self.context.span();
            span.set_attribute(KeyValue::new("allm.outcome", "unobserved"));
            span.end();
        }
    }
}
