use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

use super::export_counts::{ExportCounts, ExportResult};
use super::export_runtime::ExportRuntime;
use super::recording_client::RecordingClient;

/// An exporter, with the runtime that it runs on and the counts of its results.
#[derive(Debug)]
pub(super) struct ExportRunner<E> {
    pub(super) exporter: E,
    pub(super) runtime: Arc<ExportRuntime>,
    pub(super) counts: Arc<ExportCounts>,
    /// The client that recorded the last answer. gRPC has none.
    pub(super) http: Option<RecordingClient>,
    /// How long one export may take, its retries included.
    pub(super) timeout: Duration,
}

impl<E> ExportRunner<E> {
    /// Runs an export of `count` items, and counts its result.
    pub(super) async fn send(
        &self,
        count: u64,
        export: impl Future<Output = OTelSdkResult>,
    ) -> OTelSdkResult {
        let sent = self.runtime.within(self.timeout, export).await;
        // The client saw the collector's answer; the exporter knows only whether it was a success.
        let recorded = self.http.as_ref().and_then(RecordingClient::take_last);
        let result = recorded.unwrap_or_else(|| match &sent {
            None => ExportResult::Unanswered(format!("no answer within {:?}", self.timeout)),
            Some(Ok(())) => ExportResult::Accepted { rejected: 0 },
            Some(Err(error)) => ExportResult::Failed(error.to_string()),
        });
        self.counts.settle(count, result);
        sent.unwrap_or(Err(OTelSdkError::Timeout(self.timeout)))
    }
}
