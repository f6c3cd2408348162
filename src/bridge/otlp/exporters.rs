use std::env;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_http::HttpClient;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::metrics::PeriodicReader;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor};

use super::counting_exporter::CountingExporter;
use super::counting_processor::CountingProcessor;
use super::error::OtlpError;
use super::export_counts::ExportCounts;
use super::export_runtime::ExportRuntime;
use super::recording_client::RecordingClient;

/// Where to send, and how. What is `None` is taken from the environment.
#[derive(Default)]
pub(super) struct Target {
    /// By gRPC, otherwise by http/protobuf.
    pub(super) is_grpc: Option<bool>,
    pub(super) endpoint: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) timeout: Option<Duration>,
    pub(super) client: Option<Arc<dyn HttpClient>>,
}

/// Makes the exporters of one target.
pub(super) struct Exporters {
    is_grpc: bool,
    /// For HTTP, without the signal's path.
    endpoint: Option<String>,
    headers: HeaderMap,
    timeout: Duration,
    client: Arc<dyn HttpClient>,
    pub(super) runtime: Arc<ExportRuntime>,
}

/// Added to the timeouts of the SDK's exporter and client, so that [`CountingExporter`]'s own timeout fires first and is counted.
const GRACE: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(10);

impl Exporters {
    pub(super) fn new(target: Target, runtime: Arc<ExportRuntime>) -> Result<Self, OtlpError> {
        let protocols = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
        let protocol = || protocols.into_iter().find_map(|name| env::var(name).ok());
        let is_grpc = target.is_grpc.unwrap_or_else(|| protocol().as_deref() == Some("grpc"));
        let from_environment = || number("OTEL_EXPORTER_OTLP_TIMEOUT").map(Duration::from_millis);
        let timeout = target.timeout.or_else(from_environment).unwrap_or(TIMEOUT);
        let endpoint = target.endpoint.map(|endpoint| endpoint.trim_end_matches('/').to_owned());
        let is_https = |endpoint: String| endpoint.to_ascii_lowercase().starts_with("https:");
        let named = endpoint.clone().or_else(|| env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok());
        if !is_grpc && target.client.is_none() && named.is_some_and(is_https) {
            return Err(OtlpError::setting("https needs a client with TLS: pass one to `Otlp::http_client`"));
        }
        let plain = || Arc::new(HyperClient::with_default_connector(timeout + GRACE, None));
        let client = target.client.unwrap_or_else(|| runtime.enter(plain));
        let headers = headers(&target.headers)?;
        Ok(Self { is_grpc, endpoint, headers, timeout, client, runtime })
    }

    pub(super) fn spans(&self, counts: ExportCounts, queue: usize) -> Result<CountingProcessor, OtlpError> {
        let exporter = self.counting(counts.clone(), |client| {
            let builder = SpanExporter::builder();
            if self.is_grpc {
                self.grpc(builder.with_tonic()).build()
            } else {
                self.http(builder.with_http(), client, "/v1/traces").build()
            }
        })?;
        let config = BatchConfigBuilder::default().with_max_queue_size(queue).build();
        let queued = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        Ok(CountingProcessor { queue: queued, counts, capacity: queue as u64 })
    }

    pub(super) fn metrics(
        &self,
        counts: ExportCounts,
    ) -> Result<PeriodicReader<CountingExporter<MetricExporter>>, OtlpError> {
        let exporter = self.counting(counts, |client| {
            let builder = MetricExporter::builder();
            if self.is_grpc {
                self.grpc(builder.with_tonic()).build()
            } else {
                self.http(builder.with_http(), client, "/v1/metrics").build()
            }
        })?;
        Ok(PeriodicReader::builder(exporter).build())
    }

    /// Makes the exporter of one signal, with a client that records the answers to this signal alone.
    fn counting<E>(
        &self,
        counts: ExportCounts,
        build: impl FnOnce(RecordingClient) -> Result<E, ExporterBuildError>,
    ) -> Result<CountingExporter<E>, OtlpError> {
        let client = RecordingClient::new(self.client.clone());
        // Exporters open their sockets and timers when they are built.
        let exporter = self.runtime.enter(|| build(client.clone()))?;
        let (runtime, timeout) = (self.runtime.clone(), self.timeout);
        Ok(CountingExporter { exporter, runtime, counts, client, timeout })
    }

    fn http<B>(&self, builder: B, client: RecordingClient, path: &str) -> B
    where
        B: WithExportConfig + WithHttpConfig,
    {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = self.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        self.to_collector(builder.with_http_client(client).with_headers(headers.collect()), path)
    }

    fn grpc<B: WithExportConfig + WithTonicConfig>(&self, builder: B) -> B {
        self.to_collector(builder.with_metadata(MetadataMap::from_headers(self.headers.clone())), "")
    }

    fn to_collector<B: WithExportConfig>(&self, builder: B, path: &str) -> B {
        let builder = builder.with_timeout(self.timeout + GRACE);
        match &self.endpoint {
            Some(endpoint) => builder.with_endpoint(format!("{endpoint}{path}")),
            None => builder,
        }
    }
}

/// A number in an environment variable.
pub(super) fn number<N: FromStr>(name: &str) -> Option<N> {
    env::var(name).ok()?.parse().ok()
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, OtlpError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        // The value may be a secret, so it is left out of the error even if it is invalid.
        let invalid =
            || OtlpError::setting(format!("{name:?} is not a valid header name, or its value is invalid"));
        let name = HeaderName::from_str(name).map_err(|_| invalid())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| invalid())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}
