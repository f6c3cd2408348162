use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use prost::Message;
use rand::TryRng as _;
use rand::rngs::SysRng;
use tonic::transport::Endpoint;

use super::answer::{Answer, Retry};
use super::destination::{Destination, Transport};
use super::error::OtlpError;
use super::export_counts::{ExportCounts, ExportResult};
use super::export_runtime::ExportRuntime;
use super::grpc_transport::GrpcTransport;
use super::health::Health;
use super::http_transport::HttpTransport;

/// Sends the requests of one signal, again if the collector is busy or cannot be reached, and records what became of them.
pub(super) struct Sender {
    transport: Sending,
    runtime: Arc<ExportRuntime>,
    counts: ExportCounts,
    health: Arc<Health>,
    timeout: Duration,
}

enum Sending {
    Http(HttpTransport),
    Grpc(GrpcTransport),
}

/// Collectors that speak gRPC accept 4 MiB by default. This leaves some space for what a proxy may add.
pub(super) const MAX_REQUEST: usize = 4_000_000;

impl Sender {
    const RETRIES: u32 = 3;
    const FIRST_DELAY: Duration = Duration::from_millis(100);
    /// Added to the timeout of the client, so that the one here passes first and is counted.
    const GRACE: Duration = Duration::from_secs(1);

    pub(super) fn new(
        destination: Destination,
        runtime: Arc<ExportRuntime>,
        counts: ExportCounts,
        health: Arc<Health>,
    ) -> Result<Self, OtlpError> {
        let Destination { signal, transport, headers, timeout, is_gzip } = destination;
        let grpc = |channel, to| {
            let limit = timeout + Self::GRACE;
            Sending::Grpc(GrpcTransport::new(channel, to, signal.method(), headers.clone(), is_gzip, limit))
        };
        // Clients open their sockets and timers when they are made.
        let transport = runtime.enter(|| -> Result<Sending, OtlpError> {
            Ok(match transport {
                Transport::Http(endpoint, client) => {
                    let plain =
                        || Arc::new(HyperClient::with_default_connector(timeout + Self::GRACE, None)) as _;
                    let client = client.unwrap_or_else(plain);
                    Sending::Http(HttpTransport::new(client, endpoint, headers.clone(), is_gzip))
                }
                Transport::Grpc(endpoint) => {
                    let invalid = |_| OtlpError::setting(format!("{endpoint} cannot be used for gRPC"));
                    let channel = Endpoint::new(endpoint.uri().clone()).map_err(invalid)?.connect_lazy();
                    grpc(channel, endpoint.to_string())
                }
                Transport::GrpcChannel(channel) => grpc(channel, "the given channel".to_owned()),
            })
        })?;
        Ok(Self { transport, runtime, counts, health, timeout })
    }

    /// Sends a message with `count` spans or data points, and counts what became of them. They took `bytes` in a queue.
    pub(super) async fn send(&self, message: &impl Message, count: u64, bytes: usize) -> OTelSdkResult {
        let size = message.encoded_len();
        let result = if size > MAX_REQUEST {
            ExportResult::Failed(format!("a request of {size} bytes is larger than collectors accept"))
        } else {
            self.deliver(message.encode_to_vec()).await
        };
        let failure = result.failure(count);
        // Before the result is counted, so that a report is emitted before the flush that waits for it returns.
        match &failure {
            Some(why) => self.health.failed(why),
            None => self.health.works(),
        }
        self.counts.settle(count, bytes, &result);
        failure.map_or(Ok(()), |why| Err(OTelSdkError::InternalFailure(why)))
    }

    async fn deliver(&self, message: Vec<u8>) -> ExportResult {
        let body = match &self.transport {
            Sending::Http(http) => http.body(message),
            Sending::Grpc(_) => message.into(),
        };
        let mut last = None;
        match self.runtime.within(self.timeout, self.attempts(body, &mut last)).await {
            Some(result) => result,
            // An attempt that was answered is known. Otherwise, the collector may have the message.
            None => last.unwrap_or_else(|| {
                ExportResult::Unanswered(format!("no answer from {} within {:?}", self.to(), self.timeout))
            }),
        }
    }

    /// Sends until there is a final answer. While it waits before the next attempt, `last` has the answer to the last one.
    async fn attempts(&self, body: Bytes, last: &mut Option<ExportResult>) -> ExportResult {
        let mut delay = Self::FIRST_DELAY;
        for _ in 0..Self::RETRIES {
            let Answer { result, retry } = self.attempt(body.clone()).await;
            let wait = match retry {
                Retry::No => return result,
                Retry::After(time) if time >= self.timeout => return result,
                Retry::After(time) => time.max(delay),
                Retry::Later => delay,
            };
            *last = Some(result);
            // With a random part, so that clients that failed together do not return together.
            let random = SysRng.try_next_u32().map_or(0.0, |random| f64::from(random) / f64::from(u32::MAX));
            let jitter = Self::FIRST_DELAY.mul_f64(random);
            tokio::time::sleep(wait + jitter).await;
            *last = None;
            delay *= 2;
        }
        self.attempt(body).await.result
    }

    async fn attempt(&self, body: Bytes) -> Answer {
        match &self.transport {
            Sending::Http(http) => http.send(body).await,
            Sending::Grpc(grpc) => grpc.send(body).await,
        }
    }

    fn to(&self) -> String {
        match &self.transport {
            Sending::Http(http) => http.endpoint().to_string(),
            Sending::Grpc(grpc) => grpc.to().to_owned(),
        }
    }
}
