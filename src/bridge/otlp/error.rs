use std::fmt;
use std::io;

use opentelemetry_otlp::ExporterBuildError;

/// The error of building a pipeline: a setting is invalid, or the system could not start a thread or a runtime.
#[derive(Debug)]
pub struct OtlpError(Why);

#[derive(Debug)]
enum Why {
    Setting(String),
    Exporter(ExporterBuildError),
    Thread(io::Error),
}

impl OtlpError {
    pub(super) fn setting(what: impl Into<String>) -> Self {
        Self(Why::Setting(what.into()))
    }
}

impl From<ExporterBuildError> for OtlpError {
    fn from(error: ExporterBuildError) -> Self {
        Self(Why::Exporter(error))
    }
}

impl From<io::Error> for OtlpError {
    fn from(error: io::Error) -> Self {
        Self(Why::Thread(error))
    }
}

impl fmt::Display for OtlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Setting(what) => f.write_str(what),
            Why::Exporter(error) => error.fmt(f),
            Why::Thread(_) => f.write_str("cannot start the thread and the runtime of the exports"),
        }
    }
}

impl std::error::Error for OtlpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Why::Setting(_) => None,
            // Its text is this error's own, so the source is what is behind it.
            Why::Exporter(error) => error.source(),
            Why::Thread(error) => Some(error),
        }
    }
}
