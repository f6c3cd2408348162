use std::fmt;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::{Temporality, data::ResourceMetrics, exporter::PushMetricExporter};

use super::export_counts::ExportCounts;
use super::metric_requests;
use super::sender::{MAX_REQUEST, Sender};

/// Sends all metrics, in as many requests as their size needs. The SDK calls it on a thread of its own.
pub(super) struct OtlpMetricExporter {
    pub(super) sender: Sender,
    pub(super) counts: ExportCounts,
    pub(super) temporality: Temporality,
}

impl PushMetricExporter for OtlpMetricExporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let requests = metric_requests::divide(ExportMetricsServiceRequest::from(metrics), MAX_REQUEST);
        let points = requests.iter().map(metric_requests::points);
        self.counts.admit_all(points.sum());
        let mut result = Ok(());
        for request in requests {
            let points = metric_requests::points(&request);
            if points > 0 {
                result = result.and(self.sender.send(&request, points, 0).await);
            }
        }
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

impl fmt::Debug for OtlpMetricExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtlpMetricExporter")
    }
}
