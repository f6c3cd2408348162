use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_http::HttpClient;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{BatchSpanProcessor, Sampler, SdkTracerProvider, TracerProviderBuilder};
use tonic::transport::Channel;

use super::counting_processor::CountingProcessor;
use super::environment::Environment;
use super::error::OtlpError;
use super::export_counts::{Capacity, ExportCounts};
use super::export_runtime::ExportRuntime;
use super::health::Health;
use super::metric_exporter::OtlpMetricExporter;
use super::pipeline::{Exporting, Pipeline};
use super::sender::Sender;
use super::settings::{Metrics, Options, Settings, Traces};
use super::signal::Signal;
use super::span_exporter::OtlpSpanExporter;
use crate::registry::Telemetry;

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
    options: Options,
    environment: Environment,
    telemetry: Telemetry,
    traces_with: Box<dyn FnOnce(TracerProviderBuilder) -> TracerProviderBuilder + Send>,
    meters_with: Box<dyn FnOnce(MeterProviderBuilder) -> MeterProviderBuilder + Send>,
}

impl Otlp {
    /// Takes everything from the environment; otherwise http/protobuf to `http://localhost:4318`.
    pub fn new() -> Self {
        Self {
            options: Options::default(),
            environment: Environment::default(),
            telemetry: Telemetry::global(),
            traces_with: Box::new(|builder| builder),
            meters_with: Box::new(|builder| builder),
        }
    }

    /// Sends by gRPC; if no endpoint is set, to `http://localhost:4317`.
    pub fn grpc(mut self) -> Self {
        self.options.target.is_grpc = Some(true);
        self
    }

    /// Sends by http/protobuf, whatever the environment sets.
    pub fn http(mut self) -> Self {
        self.options.target.is_grpc = Some(false);
        self
    }

    /// Sets the collector's address, such as `http://127.0.0.1:4318`. For HTTP, `/v1/traces` or `/v1/metrics` is appended,
    /// in place of such a path at its end. The user and password of a URL are sent as an `authorization` header.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.options.target.endpoint = Some(endpoint.into());
        self
    }

    /// Adds a header to every request, such as an API key. Those of the environment are sent too, except one of the same
    /// name, in any case.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.target.headers.push((name.into(), value.into()));
        self
    }

    /// Sets how long one request may take, its retries included: 10 seconds if not set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.target.timeout = Some(timeout);
        self
    }

    /// Sets whether requests are compressed with gzip: not compressed if not set.
    pub fn gzip(mut self, is_gzip: bool) -> Self {
        self.options.target.is_gzip = Some(is_gzip);
        self
    }

    /// Sends by http/protobuf with this client, such as one with TLS. The default client has no TLS.
    pub fn http_client(mut self, client: impl HttpClient + 'static) -> Self {
        self.options.target.client = Some(Arc::new(client));
        self.http()
    }

    /// Sends by gRPC on this channel, such as one with TLS. It has the address of the collector; an endpoint is not used.
    pub fn grpc_channel(mut self, channel: Channel) -> Self {
        self.options.target.channel = Some(channel);
        self.grpc()
    }

    /// Sets the name of this service, in place of `OTEL_SERVICE_NAME`.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.options.service_name = Some(name.into());
        self
    }

    /// Sets how many spans may wait to be sent: 2,048 if not set. Any more are dropped and counted.
    pub fn queue(mut self, spans: usize) -> Self {
        self.options.queue = Some(spans);
        self
    }

    /// Sets how many bytes the spans that wait may have: 64 MiB if not set. Any more are dropped and counted.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.options.queue_bytes = Some(bytes);
        self
    }

    /// Sends no metrics, for collectors that accept none, such as Phoenix and MLflow.
    pub fn without_metrics(mut self) -> Self {
        self.options.without_metrics = true;
        self
    }

    /// Sets the handle, the global one if not set: its handlers of `telemetry.handler.failure` are called when the collector
    /// cannot be reached, and when it can again, and its [shutdown](Telemetry::shutdown) flushes the pipeline.
    pub fn telemetry(self, telemetry: &Telemetry) -> Self {
        Self { telemetry: telemetry.clone(), ..self }
    }

    /// Reads variables with this function in place of the process's environment, such as for tests.
    pub fn environment(self, lookup: impl Fn(&str) -> Option<OsString> + Send + 'static) -> Self {
        Self { environment: Environment::new(lookup), ..self }
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
    /// If a setting, in code or in the environment, is invalid or not supported, or the system cannot provide a thread or
    /// sockets.
    pub fn build(self) -> Result<Pipeline, OtlpError> {
        let settings = Settings::new(self.options, &self.environment)?;
        let runtime = Arc::new(ExportRuntime::start()?);
        let [spans, metrics] = [Signal::Traces, Signal::Metrics].map(|signal| Exporting {
            counts: ExportCounts::default(),
            health: Arc::new(Health::new(signal, self.telemetry.clone())),
        });
        let Some(settings) = settings else {
            let traces = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build();
            let meters = SdkMeterProvider::builder().build();
            return Ok(Pipeline::new(traces, meters, spans, metrics, runtime));
        };
        let sender = |destination, of: &Exporting| {
            Sender::new(destination, runtime.clone(), of.counts.clone(), of.health.clone())
        };
        let mut traces = SdkTracerProvider::builder()
            .with_resource(settings.resource.clone())
            .with_sampler(settings.sampler)
            .with_span_limits(settings.limits);
        if let Some(Traces { destination, batches, queue, queue_bytes, max_length }) = settings.traces {
            let exporter = OtlpSpanExporter {
                sender: sender(destination, &spans)?,
                resource: (&settings.resource).into(),
                max_length,
            };
            traces = traces.with_span_processor(CountingProcessor {
                queue: BatchSpanProcessor::builder(exporter).with_batch_config(batches).build(),
                counts: spans.counts.clone(),
                capacity: Capacity { items: queue as u64, bytes: queue_bytes },
            });
        }
        let mut meters = SdkMeterProvider::builder().with_resource(settings.resource);
        if let Some(Metrics { destination, interval, temporality }) = settings.metrics {
            let sender = sender(destination, &metrics)?;
            let exporter = OtlpMetricExporter { sender, counts: metrics.counts.clone(), temporality };
            meters = meters.with_reader(PeriodicReader::builder(exporter).with_interval(interval).build());
        }
        let (traces, meters) = ((self.traces_with)(traces).build(), (self.meters_with)(meters).build());
        Ok(Pipeline::new(traces, meters, spans, metrics, runtime).flushed_by(&self.telemetry))
    }
}

impl Default for Otlp {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers and endpoints may contain keys.
        f.debug_struct("Otlp").finish_non_exhaustive()
    }
}
