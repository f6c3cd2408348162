use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};

use super::counts::ExportCounts;
use super::post::ExportRunner;

/// The SDK's batch processor behind a counter: its own count of lost spans is private.
#[derive(Debug)]
pub(super) struct CountingProcessor {
    pub(super) queue: BatchSpanProcessor,
    pub(super) ledger: Arc<ExportCounts>,
    /// The queue has room for as many, so it is never full itself.
    pub(super) capacity: u64,
}

impl SpanProcessor for CountingProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.queue.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.ledger.admit(self.capacity) {
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

/// Sends spans from the SDK's own thread, on the driver's runtime, and counts what became of them.
#[derive(Debug)]
pub(super) struct Spans(pub(super) ExportRunner<opentelemetry_otlp::SpanExporter>);

impl SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len() as u64;
        self.0.send(count, self.0.exporter.export(batch)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.exporter.set_resource(resource);
    }
}
