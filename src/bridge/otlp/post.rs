use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

use super::counts::{ExportCounts, Verdict};
use super::driver::Driver;
use super::http::RecordingClient;

/// An exporter with all it needs to be driven and counted.
#[derive(Debug)]
pub(super) struct ExportRunner<E> {
    pub(super) exporter: E,
    pub(super) driver: Arc<Driver>,
    pub(super) ledger: Arc<ExportCounts>,
    /// What the last answer meant, where that can be overheard: not on gRPC.
    pub(super) http: Option<RecordingClient>,
    /// How long one export may take, its retries included.
    pub(super) timeout: Duration,
}

impl<E> ExportRunner<E> {
    /// Sends `count` of them and counts them.
    pub(super) async fn send(
        &self,
        count: u64,
        export: impl Future<Output = OTelSdkResult>,
    ) -> OTelSdkResult {
        let sent = self.driver.within(self.timeout, export).await;
        let heard = self.http.as_ref().and_then(RecordingClient::heard);
        let verdict = match &sent {
            // Between two attempts, the answer to the last one holds.
            None => {
                heard.unwrap_or_else(|| Verdict::Unanswered(format!("no answer within {:?}", self.timeout)))
            }
            Some(Ok(())) => heard.unwrap_or(Verdict::Accepted { rejected: 0 }),
            Some(Err(error)) => heard.unwrap_or_else(|| Verdict::Failed(error.to_string())),
        };
        self.ledger.settle(count, verdict);
        sent.unwrap_or(Err(OTelSdkError::Timeout(self.timeout)))
    }
}
