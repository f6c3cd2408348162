use std::env;

use super::error::InitError;
use super::guard::PipelineGuard;
use crate::bridge::otel::Otel;
use crate::bridge::otlp::{Otlp, OtlpError};
use crate::registry::Telemetry;

/// The variables that ask for an export to a collector. The others only say how.
const WANTED: [&str; 5] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
];

pub(super) fn attach(id: &str, telemetry: &Telemetry) -> Result<Option<PipelineGuard>, InitError> {
    let is_set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if !WANTED.iter().any(is_set) {
        return Ok(None);
    }
    let pipeline = Otlp::new().telemetry(telemetry).build()?;
    let otel = Otel::new().tracer_provider(pipeline.tracer_provider());
    otel.meter_provider(pipeline.meter_provider()).attach(id, telemetry)?;
    Ok(Some(Box::new(pipeline)))
}

impl From<OtlpError> for InitError {
    fn from(error: OtlpError) -> Self {
        Self::new("the OTLP exporter cannot be set up", error)
    }
}
