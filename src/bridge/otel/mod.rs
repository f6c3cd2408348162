//! Sends spans and metrics to OpenTelemetry through its API, into whatever pipeline the program has.
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
//! [`Otel::new`] uses the global providers unless others are set, and they may be installed before it is attached or
//! after. The feature `otlp` has a pipeline to a collector.
//!
//! # The tree
//!
//! A span's parent is the OpenTelemetry span that was current where the span was built, such as a web server's, one of
//! your own or the remote parent that OpenTelemetry's propagator read; otherwise the span of the nearest enclosing span or
//! the remote parent that [`Context::extract`](crate::Context::extract) read, whichever is nearer; otherwise the one that is
//! current where the span starts. While what a span wraps is polled or dropped, on any task or thread that its
//! context was carried to, its OpenTelemetry span is the current one: instrumentation of an HTTP client or a database nests
//! in it, and its headers can be written by OpenTelemetry's propagators or by [`Context::inject`](crate::Context::inject). A background task that outlives its
//! span keeps the span as its parent.
//!
//! Spans have the times of their events, not of their export. `first_chunk` and retries are events in them. The status is
//! an error if the outcome is `error` or `panicked`, and unset otherwise: a dropped stream is not an error. When the bridge
//! is detached, spans that are open end when the call ends, with the outcome `unobserved`.
//!
//! # Sizes
//!
//! Content is cut at 64 KiB, or as the [policy](crate::Policy#bounds) says, and every other attribute at 1 KiB; lists are
//! shortened to that. NUL is replaced, NaN and infinities are left out. [`Convention::cut_count`](crate::convention::Convention::cut_count)
//! has how many values were cut. Attributes that your own code sets on a span are not bounded by this bridge.
//!
//! # Costs
//!
//! The bridge never waits. The provider decides what happens when a span ends: a batch processor queues it, a *simple*
//! processor exports it immediately and blocks the task that ends the span, which is meant for tests.
//!
//! # How it works
//!
//! A listener starts an OpenTelemetry span with each span, and keeps its `Context` in the span's state, which is attached
//! around every poll. The attributes are read from the event by a [`Convention`](crate::convention::Convention), before the
//! OpenTelemetry span is locked, because a redactor is the user's code. Metrics are recorded at the end of a span, with
//! instruments that are made anew when another global provider is installed.
//!
//! # Versions
//!
//! Two minor versions of OpenTelemetry's crates do not share types or globals. This is 0.33, re-exported as
//! [`opentelemetry`]. If the program has another one:
//!
//! - a provider of the other version does not compile: *the trait bound `SdkTracerProvider: TracerProvider` is not
//!   satisfied*, with a note that there are *multiple different versions of crate `opentelemetry`* in the dependency graph;
//! - what was set by the other version's `global::set_tracer_provider` is not used here: no span arrives, and nothing reports it;
//! - spans of the other version are neither parents nor children of these.
//!
//! `cargo tree -d` shows both. Use one minor version everywhere.

mod attributes;
mod bridge;
mod builder;
mod instruments;
mod remote;
mod state;
mod teardown;
mod tracer;

pub use builder::Otel;
pub use opentelemetry;
