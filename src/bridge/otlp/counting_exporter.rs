use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp as otlp;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::export_counts::{ExportCounts, ExportResult};
use super::export_runtime::ExportRuntime;
use super::recording_client::RecordingClient;

/// An OTLP exporter that runs on the runtime of the exports, and counts the results. The SDK calls it on its own threads.
#[derive(Debug)]
pub(super) struct CountingExporter<E> {
    pub(super) exporter: E,
    pub(super) runtime: Arc<ExportRuntime>,
    pub(super) counts: ExportCounts,
    /// The client that recorded the last answer. With gRPC it records none.
    pub(super) client: RecordingClient,
    /// How long one export may take, its retries included.
    pub(super) timeout: Duration,
}

impl<E> CountingExporter<E> {
    /// Runs an export of `count` items, and counts its result.
    async fn send(&self, count: u64, export: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
        let sent = self.runtime.within(self.timeout, export).await;
        // The client saw the collector's answer; the exporter knows only whether it was a success.
        let result = self.client.take_last().unwrap_or_else(|| match &sent {
            None => ExportResult::Unanswered(format!("no answer within {:?}", self.timeout)),
            Some(Ok(())) => ExportResult::Accepted { rejected: 0 },
            Some(Err(error)) => ExportResult::Failed(error.to_string()),
        });
        self.counts.settle(count, result);
        sent.unwrap_or(Err(OTelSdkError::Timeout(self.timeout)))
    }
}

/// Sends batches of spans.
impl SpanExporter for CountingExporter<otlp::SpanExporter> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len() as u64;
        self.send(count, self.exporter.export(batch)).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Sends all metrics at once; each export counts as one.
impl PushMetricExporter for CountingExporter<otlp::MetricExporter> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        // Exports run one at a time, so there is no queue that could be full.
        self.counts.admit(u64::MAX);
        self.send(1, self.exporter.export(metrics)).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
