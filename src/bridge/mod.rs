//! Layer 6: exporters, which send the events to other systems. Each is behind its own feature, and none imports another.

#[cfg(feature = "json-lines")]
pub mod json_lines;

#[cfg(feature = "console")]
pub mod console;

#[cfg(feature = "tracing")]
pub mod tracing;

#[cfg(feature = "otel")]
pub mod otel;

#[cfg(feature = "otlp")]
pub mod otlp;

#[cfg(feature = "metrics")]
pub mod metrics;

#[cfg(feature = "prometheus")]
pub mod prometheus;
