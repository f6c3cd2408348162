//! Exporters: the same events in other systems. Each is a feature of its own and imports no other.

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
