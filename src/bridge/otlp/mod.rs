//! A pipeline to an OTLP endpoint, for who has none: the OpenTelemetry SDK with its exporters, set up so that it works.
//!
//! ```no_run
//! use std::time::Duration;
//! use allm_telemetry::bridge::otlp::Otlp;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let pipeline = Otlp::new().endpoint("http://127.0.0.1:4318").service_name("weekend").build()?;
//! let (traces, meters) = (pipeline.tracer_provider(), pipeline.meter_provider());
//! // … give them to the `otel` bridge, to `opentelemetry::global`, to instrumentation of your own …
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
//! # What it takes care of
//!
//! Put together by hand, the SDK and its exporters work in some set-ups and hang, panic or lose spans without a word in
//! others. Here:
//!
//! - Exports run on a thread and a runtime of their own: they work from a current-thread runtime, from a plain thread, and
//!   whichever HTTP clients other crates have switched on.
//! - An ending span is put into a bounded queue, and that is all that a call pays. A collector that is down, slow, or
//!   refuses costs memory for that queue (2,048 spans if not set) and nothing else; when it is back, exports go on.
//! - [`flush`](Pipeline::flush) and [`shutdown`](Pipeline::shutdown) keep their deadline, whatever the collector does.
//! - Every sampled span is counted: [`Report`] says how many arrived, and what became of the others.
//!
//! # Settings from outside
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
//! No TLS is built in, because it is heavy and a choice of its own. For http/protobuf give a client that has it to
//! [`Otlp::http_client`]: a `reqwest::Client`, with the feature `reqwest-rustls` of the crate `opentelemetry-http`. For
//! gRPC switch on the features `tls-ring` and `tls-webpki-roots` of the crate `opentelemetry-otlp`.
//!
//! # Versions
//!
//! The providers are those of `opentelemetry_sdk` 0.33. A program that uses another minor version of OpenTelemetry has two
//! that do not know each other; the docs of the `otel` bridge tell the symptoms.

mod builder;
mod counts;
mod driver;
mod error;
mod exporters;
mod http;
mod metrics;
mod pipeline;
mod post;
mod spans;

pub use builder::Otlp;
pub use counts::{Counts, Report};
pub use error::OtlpError;
pub use opentelemetry_http::HttpClient;
pub use opentelemetry_sdk;
pub use pipeline::Pipeline;
