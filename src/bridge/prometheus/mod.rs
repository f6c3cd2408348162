//! Sets the buckets of this crate's histograms on
//! [`metrics-exporter-prometheus`](https://docs.rs/metrics-exporter-prometheus) by one call.
//!
//! ```standalone_crate
//! use allm_telemetry::{bridge::{metrics::Metrics, prometheus::with_buckets}, convention::Convention, prelude::*, Telemetry};
//! use metrics_exporter_prometheus::PrometheusBuilder;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let convention = Convention::new();
//! let prometheus = with_buckets(PrometheusBuilder::new(), &convention).install_recorder()?;
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
//! Your `metrics-exporter-prometheus` has to have the version of this feature, 0.18: with another the compiler finds two
//! types named `PrometheusBuilder`. In that case, or for another exporter, use `bridge::metrics::buckets`, which depends on
//! none.

mod buckets;

pub use buckets::with_buckets;
