use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_http::HttpClient;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, SdkMeterProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, TracerProviderBuilder};

use super::error::OtlpError;
use super::export_counts::ExportCounts;
use super::export_runtime::ExportRuntime;
use super::exporters::{Exporters, Target, number};
use super::pipeline::Pipeline;

/// Builds a [`Pipeline`]. What is not set is taken from the environment, see [the module](super).
///
/// # Examples
///
/// MLflow takes spans of an experiment, and no metrics:
///
/// ```no_run
/// use allm_telemetry::bridge::otlp::Otlp;
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let pipeline = Otlp::new()
///     .endpoint("http://127.0.0.1:5000")
///     .header("x-mlflow-experiment-id", "0")
///     .without_metrics()
///     .build()?;
/// # drop(pipeline);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until it is built"]
pub struct Otlp {
    target: Target,
    service_name: Option<String>,
    queue: Option<usize>,
    metrics: bool,
    traces_with: Box<dyn FnOnce(TracerProviderBuilder) -> TracerProviderBuilder + Send>,
    meters_with: Box<dyn FnOnce(MeterProviderBuilder) -> MeterProviderBuilder + Send>,
}

impl Otlp {
    const QUEUE: usize = 2_048;

    /// Takes everything from the environment; otherwise http/protobuf to `http://localhost:4318`.
    pub fn new() -> Self {
        Self {
            target: Target::default(),
            service_name: None,
            queue: None,
            metrics: true,
            traces_with: Box::new(|builder| builder),
            meters_with: Box::new(|builder| builder),
        }
    }

    /// Sends by gRPC; if no endpoint is set, to `http://localhost:4317`.
    pub fn grpc(mut self) -> Self {
        self.target.is_grpc = Some(true);
        self
    }

    /// Sends by http/protobuf, whatever the environment sets.
    pub fn http(mut self) -> Self {
        self.target.is_grpc = Some(false);
        self
    }

    /// Sets the collector's address, such as `http://127.0.0.1:4318`: for HTTP without the path `/v1/traces`.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.target.endpoint = Some(endpoint.into());
        self
    }

    /// Adds a header to every request, such as an API key. Those of the environment are sent too.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.target.headers.push((name.into(), value.into()));
        self
    }

    /// Sets how long one export may take, its retries included: 10 seconds if not set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.target.timeout = Some(timeout);
        self
    }

    /// Sets the client that sends HTTP requests, such as one with TLS. The default client has no TLS.
    pub fn http_client(mut self, client: impl HttpClient + 'static) -> Self {
        self.target.client = Some(Arc::new(client));
        self
    }

    /// Sets the name of this service, in place of `OTEL_SERVICE_NAME`.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        Self { service_name: Some(name.into()), ..self }
    }

    /// Sets how many spans may wait to be sent: 2,048 if not set. Any more are dropped and counted.
    pub fn queue(self, spans: usize) -> Self {
        Self { queue: Some(spans), ..self }
    }

    /// Sends no metrics, for collectors that accept none, such as Phoenix and MLflow.
    pub fn without_metrics(self) -> Self {
        Self { metrics: false, ..self }
    }

    /// Customizes the tracer provider: a sampler, a processor of your own, limits.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::bridge::otlp::{Otlp, opentelemetry_sdk::trace::Sampler};
    ///
    /// let otlp = Otlp::new().traces_with(|builder| builder.with_sampler(Sampler::TraceIdRatioBased(0.1)));
    /// # drop(otlp);
    /// ```
    pub fn traces_with(
        self,
        set_up: impl FnOnce(TracerProviderBuilder) -> TracerProviderBuilder + Send + 'static,
    ) -> Self {
        Self { traces_with: Box::new(set_up), ..self }
    }

    /// Customizes the meter provider: a view with other buckets, a reader of your own.
    pub fn meters_with(
        self,
        set_up: impl FnOnce(MeterProviderBuilder) -> MeterProviderBuilder + Send + 'static,
    ) -> Self {
        Self { meters_with: Box::new(set_up), ..self }
    }

    /// Builds the pipeline, inside a runtime or outside. It does not connect yet, so a collector that is down is not an
    /// error.
    ///
    /// # Errors
    ///
    /// If a setting, in code or in the environment, is invalid, or the system cannot provide a thread or sockets.
    pub fn build(self) -> Result<Pipeline, OtlpError> {
        let queue = self.queue.or_else(|| number("OTEL_BSP_MAX_QUEUE_SIZE")).unwrap_or(Self::QUEUE).max(1);
        let exporters = Exporters::new(self.target, Arc::new(ExportRuntime::start()?))?;
        let (spans, metrics) = (ExportCounts::default(), ExportCounts::default());
        let resource = match self.service_name {
            Some(name) => Resource::builder().with_service_name(name).build(),
            None => Resource::builder().build(),
        };
        let traces = SdkTracerProvider::builder().with_resource(resource.clone());
        let traces = traces.with_span_processor(exporters.spans(spans.clone(), queue)?);
        let meters = SdkMeterProvider::builder().with_resource(resource);
        let meters = match self.metrics {
            true => meters.with_reader(exporters.metrics(metrics.clone())?),
            false => meters,
        };
        Ok(Pipeline {
            traces: (self.traces_with)(traces).build(),
            meters: (self.meters_with)(meters).build(),
            spans,
            metrics,
            runtime: exporters.runtime,
            open: true,
        })
    }
}

impl Default for Otlp {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the headers, which contain keys.
        f.debug_struct("Otlp").field("endpoint", &self.target.endpoint).finish_non_exhaustive()
    }
}
