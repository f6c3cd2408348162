use std::collections::HashMap;
use std::env;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_http::HttpClient;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::metrics::PeriodicReader;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor};

use super::error::OtlpError;
use super::export_counts::ExportCounts;
use super::export_runner::ExportRunner;
use super::export_runtime::ExportRuntime;
use super::metric_exporter::CountingMetricExporter;
use super::recording_client::RecordingClient;
use super::span_exporter::{CountingProcessor, CountingSpanExporter};

/// Where to send, and how. What is `None` is taken from the environment.
#[derive(Default)]
pub(super) struct Target {
    pub(super) transport: Option<Transport>,
    pub(super) endpoint: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) timeout: Option<Duration>,
    pub(super) client: Option<Arc<dyn HttpClient>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Http,
    Grpc,
}

/// Makes the exporters of one target.
pub(super) struct Exporters {
    transport: Transport,
    /// For HTTP, without the signal's path.
    endpoint: Option<String>,
    headers: HeaderMap,
    timeout: Duration,
    http: RecordingClient,
    runtime: Arc<ExportRuntime>,
}

/// Added to the timeouts of the SDK's exporter and client, so that [`ExportRunner`]'s own timeout fires first and is counted.
const GRACE: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(10);

impl Exporters {
    pub(super) fn new(target: Target, runtime: Arc<ExportRuntime>) -> Result<Self, OtlpError> {
        let transport = target.transport.unwrap_or_else(Transport::from_environment);
        let from_environment = || number("OTEL_EXPORTER_OTLP_TIMEOUT").map(Duration::from_millis);
        let timeout = target.timeout.or_else(from_environment).unwrap_or(TIMEOUT);
        let endpoint = target.endpoint.map(|endpoint| endpoint.trim_end_matches('/').to_owned());
        let is_https = |endpoint: &str| endpoint.to_ascii_lowercase().starts_with("https:");
        let named = endpoint.clone().or_else(|| env::var("OTEL_EXPORTER_OTLP_ENDPOINT").ok());
        if transport == Transport::Http && target.client.is_none() && named.as_deref().is_some_and(is_https) {
            return Err(OtlpError::setting("https needs a client with TLS: pass one to `Otlp::http_client`"));
        }
        let plain = || Arc::new(HyperClient::with_default_connector(timeout + GRACE, None));
        let http = RecordingClient::new(target.client.unwrap_or_else(|| runtime.enter(plain)));
        let headers = headers(&target.headers)?;
        Ok(Self { transport, endpoint, headers, timeout, http, runtime })
    }

    pub(super) fn into_runtime(self) -> Arc<ExportRuntime> {
        self.runtime
    }

    pub(super) fn spans(
        &self,
        counts: Arc<ExportCounts>,
        queue: usize,
    ) -> Result<CountingProcessor, OtlpError> {
        let client = self.http.for_signal();
        let exporter = self.runtime.enter(|| match self.transport {
            Transport::Http => {
                let builder = SpanExporter::builder().with_http().with_http_client(client.clone());
                self.http(builder, "/v1/traces").build()
            }
            Transport::Grpc => self.grpc(SpanExporter::builder().with_tonic()).build(),
        })?;
        let config = BatchConfigBuilder::default().with_max_queue_size(queue).build();
        let spans = CountingSpanExporter(self.runner(exporter, counts.clone(), client));
        let queued = BatchSpanProcessor::builder(spans).with_batch_config(config).build();
        Ok(CountingProcessor { queue: queued, counts, capacity: queue as u64 })
    }

    pub(super) fn metrics(
        &self,
        counts: Arc<ExportCounts>,
    ) -> Result<PeriodicReader<CountingMetricExporter>, OtlpError> {
        let client = self.http.for_signal();
        let exporter = self.runtime.enter(|| match self.transport {
            Transport::Http => {
                let builder = MetricExporter::builder().with_http().with_http_client(client.clone());
                self.http(builder, "/v1/metrics").build()
            }
            Transport::Grpc => self.grpc(MetricExporter::builder().with_tonic()).build(),
        })?;
        Ok(PeriodicReader::builder(CountingMetricExporter(self.runner(exporter, counts, client))).build())
    }

    fn http<B: WithExportConfig + WithHttpConfig>(&self, builder: B, path: &str) -> B {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = self.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        let builder = builder.with_headers(headers.collect::<HashMap<_, _>>());
        let builder = builder.with_timeout(self.timeout + GRACE);
        match &self.endpoint {
            Some(endpoint) => builder.with_endpoint(format!("{endpoint}{path}")),
            None => builder,
        }
    }

    fn grpc<B: WithExportConfig + WithTonicConfig>(&self, builder: B) -> B {
        let builder = builder.with_metadata(MetadataMap::from_headers(self.headers.clone()));
        let builder = builder.with_timeout(self.timeout + GRACE);
        match &self.endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint.clone()),
            None => builder,
        }
    }

    fn runner<E>(&self, exporter: E, counts: Arc<ExportCounts>, client: RecordingClient) -> ExportRunner<E> {
        let http = (self.transport == Transport::Http).then_some(client);
        ExportRunner { exporter, runtime: self.runtime.clone(), counts, http, timeout: self.timeout }
    }
}

impl Transport {
    fn from_environment() -> Self {
        let names = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
        match names.into_iter().find_map(|name| env::var(name).ok()).as_deref() {
            Some("grpc") => Self::Grpc,
            _ => Self::Http,
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
