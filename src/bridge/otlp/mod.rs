//! A pipeline to an OTLP endpoint, if the application has none: the OpenTelemetry SDK with its exporters.
//!
//! ```no_run
//! use std::time::Duration;
//! use allm_telemetry::bridge::otlp::Otlp;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let pipeline = Otlp::new().endpoint("http://127.0.0.1:4318").service_name("weekend").build()?;
//! let (traces, meters) = (pipeline.tracer_provider(), pipeline.meter_provider());
//! // … pass them to the `otel` bridge, to `opentelemetry::global`, to instrumentation of your own …
//!
//! // At the end of `main`:
//! let report = pipeline.shutdown(Duration::from_secs(5)).await;
//! if !report.is_complete() {
//!     eprintln!("{report}");
//! }
//! # let _ = (traces, meters);
//! # Ok(())
//! # }
//! ```
//!
//! # What it guarantees
//!
//! Assembled manually, the SDK and its exporters work in some set-ups and hang, panic or silently lose spans in others.
//! This pipeline guarantees:
//!
//! - Exports run on a thread and a runtime of their own. They work from a current-thread runtime, from a plain thread, and
//!   whichever HTTP clients other crates have enabled.
//! - A span that ends is put into a bounded queue; a call pays for nothing else. A collector that is down, slow or refuses
//!   spans costs the memory of that queue, 2,048 spans and 64 MiB if not set, and spans that find it full are dropped and
//!   counted. When the collector is available again, exports resume.
//! - A request is smaller than 4 MiB, the limit of collectors that speak gRPC: what is larger is sent in several.
//! - A collector that is busy or cannot be reached is asked again, up to three times within the timeout.
//! - [`flush`](Pipeline::flush) and [`shutdown`](Pipeline::shutdown) return by their deadline, whatever the collector does.
//! - Every sampled span and every data point is counted: [`Report`] has how many arrived, what became of the others, and why.
//!   What a collector rejects of a request that it accepts otherwise has failed.
//! - When an exporter can no longer deliver, `telemetry.handler.failure` is emitted with kind `io`, and once it can again,
//!   with kind `recovered`: once each. The handler ids are `otlp.traces` and `otlp.metrics`; [`Otlp::telemetry`] sets whose
//!   handlers are called.
//!
//! # How it works
//!
//! `Settings` are what is set in code, completed by the environment. The SDK's batch processor and its periodic reader each
//! have a thread, on which they call our exporters. Those convert spans and metrics to messages of OTLP, divide them by
//! their encoded size, and pass them to a `Sender`. It sends by `HttpTransport` or `GrpcTransport`, with a timeout of its
//! own, on the sockets and timers of an `ExportRuntime`: one tokio runtime on one thread, which both signals share.
//! `ExportCounts` adds up the results, and `Health` reports the first failure and the recovery. `CountingProcessor`, in
//! front of the SDK's queue, counts what does not fit.
//!
//! # Settings from the environment
//!
//! What is set in code wins. Everything else is taken from the environment, as the specifications of
//! [the SDK](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/) and of
//! [the exporter](https://opentelemetry.io/docs/specs/otel/protocol/exporter/) say. A value that is invalid, or that nothing
//! here implements, is an error of [`Otlp::build`], so that no setting is ignored. `*` is empty, `TRACES_` or `METRICS_`: a
//! variable for one signal wins over the one for both.
//!
//! | variable | obeyed | refused |
//! |---|---|---|
//! | `OTEL_SDK_DISABLED` | `true`: nothing is recorded or sent, and `traces_with` and `meters_with` are not called; `false` | any other value |
//! | `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER` | `otlp`, `none` | others, and lists |
//! | `OTEL_EXPORTER_OTLP_*PROTOCOL` | `http/protobuf` (the default), `grpc` | `http/json` |
//! | `OTEL_EXPORTER_OTLP_*ENDPOINT` | an http URL; by gRPC also without a scheme | https without a client or a channel that has TLS; by gRPC a path |
//! | `OTEL_EXPORTER_OTLP_*INSECURE` | `true` or `false`, for gRPC endpoints without a scheme | any other value |
//! | `OTEL_EXPORTER_OTLP_*HEADERS` | `key=value,…` with percent-encoded values; a header set in code replaces one of the same name | anything else |
//! | `OTEL_EXPORTER_OTLP_*TIMEOUT` | milliseconds | 0 |
//! | `OTEL_EXPORTER_OTLP_*COMPRESSION` | `gzip`, `none` | others |
//! | `OTEL_EXPORTER_OTLP_*CERTIFICATE`, `_CLIENT_CERTIFICATE`, `_CLIENT_KEY` | | always: the client or the channel has them |
//! | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | `cumulative`, `delta`, `lowmemory` | others |
//! | `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` | `explicit_bucket_histogram` | others |
//! | `OTEL_METRICS_EXEMPLAR_FILTER` | `always_off` | others: the SDK has no exemplars |
//! | `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_METRIC_EXPORT_TIMEOUT` | milliseconds | 0 |
//! | `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_EXPORT_TIMEOUT` | milliseconds | 0 |
//! | `OTEL_BSP_MAX_QUEUE_SIZE`, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | a number of spans | 0; a batch larger than the queue |
//! | `OTEL_BSP_MAX_CONCURRENT_EXPORTS` | 1 | others |
//! | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | `always_on`, `always_off`, `traceidratio`, and each with `parentbased_` | remote samplers; a ratio outside of 0 to 1 |
//! | `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`, `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`, `OTEL_ATTRIBUTE_COUNT_LIMIT`, `OTEL_SPAN_EVENT_COUNT_LIMIT`, `OTEL_SPAN_LINK_COUNT_LIMIT` | a number | |
//! | `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT` | a number of characters, for texts in spans, events and links | |
//! | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | a name; `key=value,…` with percent-encoded values | anything else |
//! | `OTEL_CONFIG_FILE`, `OTEL_EXPERIMENTAL_CONFIG_FILE` | | always |
//!
//! An empty variable counts as not set. Variables about logs and propagators do not concern this pipeline.
//!
//! # The resource
//!
//! Spans and metrics have `service.name`, `unknown_service:` and the name of the executable if nothing else is set;
//! `service.instance.id`, random for each process, so that the metrics of two replicas are two time series;
//! `telemetry.sdk.name`, `.language` and `.version`; and `OTEL_RESOURCE_ATTRIBUTES`, which replace these.
//!
//! # https
//!
//! TLS is not built in, because it has many dependencies and is the application's choice; an https endpoint is an error of
//! [`Otlp::build`] otherwise. For http/protobuf pass a client that has it to [`Otlp::http_client`]: a `reqwest::Client`,
//! with the feature `reqwest-rustls` of the crate `opentelemetry-http`. For gRPC pass a channel that has it to
//! [`Otlp::grpc_channel`], with the features `tls-ring` and `tls-native-roots` of the crate `tonic`. Or send to a collector on
//! the same machine, which then sends to others by https.
//!
//! # Versions
//!
//! The providers are those of `opentelemetry_sdk` 0.33. Two minor versions of OpenTelemetry in one program do not share
//! providers or contexts; the docs of the `otel` bridge describe the symptoms.

mod answer;
mod builder;
mod counting_processor;
mod destination;
mod endpoint;
mod environment;
mod error;
mod export_counts;
mod export_runtime;
mod flusher;
mod grpc_transport;
mod health;
mod http_transport;
mod metric_exporter;
mod metric_requests;
mod on_thread;
mod percent;
mod pipeline;
mod report;
mod resource;
mod sender;
mod settings;
mod signal;
mod span_exporter;
mod span_request;
mod span_size;

pub use builder::Otlp;
pub use error::OtlpError;
pub use opentelemetry_http::HttpClient;
pub use opentelemetry_sdk;
pub use pipeline::Pipeline;
pub use report::{Counts, Report};
pub use tonic::transport::Channel;
