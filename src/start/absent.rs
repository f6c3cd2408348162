//! The exporters that are not compiled in.

/// Without the feature `console`.
pub(super) mod console {
    use crate::registry::{SinkGuard, Telemetry};
    use crate::start::error::InitError;

    pub(in crate::start) fn attach(_: &str, _: &Telemetry) -> Result<SinkGuard, InitError> {
        Err(InitError::feature("console", "console"))
    }
}

/// Without the feature `json-lines`.
pub(super) mod json_lines {
    use crate::registry::{SinkGuard, Telemetry};
    use crate::start::error::InitError;

    pub(in crate::start) fn attach(_: &str, _: &Telemetry, _: Option<&str>) -> Result<SinkGuard, InitError> {
        Err(InitError::feature("json", "json-lines"))
    }
}

/// Without the feature `otlp`.
pub(super) mod otlp {
    use crate::registry::Telemetry;
    use crate::start::error::InitError;
    use crate::start::guard::PipelineGuard;

    // The variables of OpenTelemetry are often set for all programs of a machine, so they are no error.
    pub(in crate::start) fn attach(_: &str, _: &Telemetry) -> Result<Option<PipelineGuard>, InitError> {
        Ok(None)
    }
}
