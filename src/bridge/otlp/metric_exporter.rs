use std::time::Duration;

use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use super::export_runner::ExportRunner;

/// Sends all metrics at once, and counts the exports. Called on the SDK's thread.
#[derive(Debug)]
pub(super) struct CountingMetricExporter(pub(super) ExportRunner<MetricExporter>);

impl PushMetricExporter for CountingMetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        // Exports run one at a time, so there is no queue that could be full.
        self.0.counts.admit(u64::MAX);
        self.0.send(1, self.0.exporter.export(metrics)).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.0.exporter.temporality()
    }
}
