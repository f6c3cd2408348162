//! Spans and metrics to OpenTelemetry, by its API alone: into whatever pipeline the program has.
//!
//! ```
//! use allm_telemetry::{bridge::otel::Otel, prelude::*, Telemetry};
//! use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), allm_telemetry::handler::AttachError> {
//! let exporter = InMemorySpanExporter::default();
//! let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
//!
//! let telemetry = Telemetry::new();
//! Otel::new().tracer_provider(provider).attach("otel", &telemetry)?;
//! telemetry.scope(async {}.in_span_infallible(Span::generate().engine("openai").model("gpt-5"))).await;
//!
//! assert_eq!(exporter.get_finished_spans().unwrap()[0].name, "chat gpt-5");
//! # Ok(())
//! # }
//! ```
//!
//! Without providers of its own, [`Otel::new`] uses the global ones, and it does not matter whether they are set before it
//! is attached or after. For a pipeline to a collector there is the feature `otlp`.
//!
//! # The tree
//!
//! A span's parent is the OpenTelemetry span that was current where the span was built, such as a web server's, one of
//! your own or one that came in as `traceparent`; if none was, it is the span of the nearest span around; outside of all,
//! the one that is current where the span starts. While what a
//! span wraps is polled or dropped, on any task or thread that its context was carried to, its OpenTelemetry span is
//! the current one: instrumentation of an HTTP client or a database nests in it, and `Context::current()` can be injected
//! into the headers of a request. A background task that goes on after the end of its span keeps it as the parent.
//!
//! Spans have the times of their events and not of their export; `first_chunk` and retries are events in them. Their status
//! is an error when the outcome is `error` or `panicked`, and unset else: that a reader left is no error. A bridge that
//! is detached ends the spans that are open, when they would have ended, with the outcome `unobserved`.
//!
//! # What it costs a call
//!
//! Nothing here waits for anything. The provider decides what an ending span does: a batch processor queues it, a *simple*
//! processor exports it there and then and so blocks the task that ends the span, which is a choice for tests.
//!
//! # Versions
//!
//! OpenTelemetry's crates of two minor versions do not know each other. This is 0.33, exported here as
//! [`opentelemetry`]. If the program has another one:
//!
//! - a provider of the other version does not compile: *the trait bound `SdkTracerProvider: TracerProvider` is not
//!   satisfied*, with a note that there are *multiple different versions of crate `opentelemetry`* in the dependency graph;
//! - what was set by the other version's `global::set_tracer_provider` is not seen here: no span arrives, without a word;
//! - spans of the other version are neither parents nor children of these.
//!
//! `cargo tree -d` shows both. Use one minor version everywhere.

mod attributes;
mod bridge;
mod builder;
mod instruments;
mod state;
mod teardown;
mod tracer;

pub use builder::Otel;
pub use opentelemetry;
