use std::time::Duration;

use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

use super::post::ExportRunner;

/// Sends metrics from the SDK's own thread, on the driver's runtime, and counts the exports.
#[derive(Debug)]
pub(super) struct Metrics(pub(super) ExportRunner<MetricExporter>);

impl PushMetricExporter for Metrics {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        // There is no queue to be full: one export at a time.
        self.0.ledger.admit(u64::MAX);
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
