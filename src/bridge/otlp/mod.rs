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
//!   spans costs the memory of that queue (2,048 spans if not set). When it is available again, exports resume.
//! - [`flush`](Pipeline::flush) and [`shutdown`](Pipeline::shutdown) return by their deadline, whatever the collector does.
//! - Every sampled span is counted: [`Report`] has how many arrived, and what became of the others.
//!
//! # How it works
//!
//! The SDK's batch processor and its periodic reader each have a thread, on which they call our exporters. Those run the
//! OTLP exporter with a timeout of their own, on the sockets and timers of an `ExportRuntime`: one tokio runtime on one
//! thread, which both signals share. An HTTP client between the OTLP exporter and the network records what each answer
//! meant, because a partial success reaches the exporter as a success. `ExportCounts` adds up the results; a processor in front
//! of the SDK's queue counts what does not fit.
//!
//! # Settings from the environment
//!
//! What is not set in code is taken from the environment, as
//! [the specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/) says: `OTEL_EXPORTER_OTLP_ENDPOINT`,
//! `_HEADERS`, `_PROTOCOL` (`http/protobuf`, the default, or `grpc`) and `_TIMEOUT`, each also for one signal
//! (`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, …; the protocol and the timeout for both alone); `OTEL_SERVICE_NAME`,
//! `OTEL_RESOURCE_ATTRIBUTES`; `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_MAX_QUEUE_SIZE`,
//! `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`, `OTEL_METRIC_EXPORT_INTERVAL`.
//!
//! # https
//!
//! TLS is not built in, because it has many dependencies and is the application's choice. For http/protobuf pass a client
//! that has it to [`Otlp::http_client`]: a `reqwest::Client`, with the feature `reqwest-rustls` of the crate
//! `opentelemetry-http`. For gRPC enable the features `tls-ring` and `tls-webpki-roots` of the crate `opentelemetry-otlp`.
//!
//! # Versions
//!
//! The providers are those of `opentelemetry_sdk` 0.33. Two minor versions of OpenTelemetry in one program do not share
//! providers or contexts; the docs of the `otel` bridge describe the symptoms.

mod builder;
mod counting_exporter;
mod counting_processor;
mod error;
mod export_counts;
mod export_runtime;
mod exporters;
mod pipeline;
mod recording_client;
mod report;

pub use builder::Otlp;
pub use error::OtlpError;
pub use opentelemetry_http::HttpClient;
pub use opentelemetry_sdk;
pub use pipeline::Pipeline;
pub use report::{Counts, Report};
