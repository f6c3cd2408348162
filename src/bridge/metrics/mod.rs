//! Records what spans measure on the [`metrics`](https://docs.rs/metrics) facade: durations, tokens, the time to the first
//! chunk, the waits for the others, retries and dropped streams.
//!
//! ```standalone_crate
//! use allm_telemetry::{bridge::metrics::{Metrics, buckets}, convention::Convention, prelude::*, Telemetry};
//! use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let convention = Convention::new();
//! let prometheus = buckets(&convention)
//!     .try_fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
//!         builder.set_buckets_for_metric(Matcher::Full(name), bounds)
//!     })?
//!     .install_recorder()?;
//! Metrics::new().convention(convention).attach("metrics", &Telemetry::global())?;
//!
//! async {}.in_span_infallible(Span::generate().engine("openai").model("gpt-5")).await;
//!
//! let page = prometheus.render();
//! assert!(page.contains("gen_ai_client_operation_duration_seconds_bucket{"));
//! # allm_telemetry::detach("metrics")?;
//! # Ok(())
//! # }
//! ```
//!
//! # Names
//!
//! The [instruments](crate::convention#instruments) have OpenTelemetry's names with the suffixes that Prometheus expects: `.seconds` for a time, `.total`
//! for a counter. So they are the same with and without the exporter's own unit suffixes. Units and descriptions are
//! registered when a recorder is first used.
//!
//! | here | in Prometheus |
//! |---|---|
//! | `gen_ai.client.operation.duration.seconds` | `gen_ai_client_operation_duration_seconds` |
//! | `gen_ai.client.token.usage` | `gen_ai_client_token_usage` |
//! | `gen_ai.client.operation.time_to_first_chunk.seconds` | `gen_ai_client_operation_time_to_first_chunk_seconds` |
//! | `gen_ai.client.operation.time_per_output_chunk.seconds` | `gen_ai_client_operation_time_per_output_chunk_seconds` |
//! | `gen_ai.execute_tool.duration.seconds` | `gen_ai_execute_tool_duration_seconds` |
//! | `gen_ai.invoke_agent.duration.seconds` | `gen_ai_invoke_agent_duration_seconds` |
//! | `allm.adapter.retries.total` | `allm_adapter_retries_total` |
//! | `allm.stream.dropped.total` | `allm_stream_dropped_total` |
//! | `allm.usage.unknown.total` | `allm_usage_unknown_total` |
//!
//! # What to know
//!
//! - The facade has no buckets: without [`buckets`] an exporter chooses its own, and the one for Prometheus makes summaries,
//!   which cannot be added up over processes.
//! - Each combination of labels is a permanent time series. Values that users, models and vendors choose are bounded by the
//!   [`Convention`](crate::convention::Convention); the request id and content are never labels.
//! - Tokens are counted once: by the span for which [`Event::counts_usage`](crate::Event::counts_usage) is true.
//! - A retry is counted if it happens inside a span, a chunk's wait from the second chunk on.
//! - Nothing is recorded before a recorder is installed. A stream whose second chunk arrived before that records no
//!   waits.
//! - `metrics-exporter-prometheus` keeps every value until it is sorted into buckets: with `install_recorder` alone, call its `run_upkeep`
//!   regularly, or render the page.
//! - A recorder that panics does not affect the call: the bridge is detached and reported, like any listener.

mod bridge;
mod buckets;
mod builder;
mod meters;

pub use buckets::buckets;
pub use builder::Metrics;
