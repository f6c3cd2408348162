use std::fmt;
use std::io;

use opentelemetry_otlp::ExporterBuildError;

/// Why a pipeline could not be built: a setting is wrong, or the system gave no thread.
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
            Why::Thread(error) => write!(f, "no thread for the exports: {error}"),
        }
    }
}

impl std::error::Error for OtlpError {}
