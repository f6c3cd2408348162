use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanProcessor};

use super::export_counts::{Capacity, ExportCounts};
use super::span_size::span_size;

/// The SDK's batch processor with a bound on the size of its queue, and a count of the spans that are dropped: the SDK's own
/// count is private.
#[derive(Debug)]
pub(super) struct CountingProcessor {
    pub(super) queue: BatchSpanProcessor,
    pub(super) counts: ExportCounts,
    /// Has as many spans as the SDK's queue. No more are admitted, so that the queue itself never drops one.
    pub(super) capacity: Capacity,
}

impl SpanProcessor for CountingProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.queue.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.counts.admit(span_size(&span), self.capacity) {
            self.queue.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.queue.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.queue.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.queue.set_resource(resource);
    }
}
