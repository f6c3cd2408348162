use std::error::Error;
use std::fmt;

use crate::registry::AttachError;

/// The error returned by [`init`](crate::init): a variable is invalid, names an exporter that is not compiled in, or the
/// exporter cannot be attached.
///
/// `Debug` prints the text of `Display` and of the sources, for a `main` that returns it.
pub struct InitError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl InitError {
    pub(super) fn new(message: impl Into<String>, source: impl Error + Send + Sync + 'static) -> Self {
        Self { message: message.into(), source: Some(Box::new(source)) }
    }

    /// `ALLM_LOG` has a value that is not valid.
    pub(super) fn log(value: &str) -> Self {
        let message = format!(
            "ALLM_LOG is {value:?}, but must be \"console\", \"json\" or \"json:\" and the path of a file"
        );
        Self { message, source: None }
    }

    /// `ALLM_LOG` names an exporter whose feature is off.
    pub(super) fn feature(value: &str, feature: &str) -> Self {
        let message = format!("ALLM_LOG is {value:?}, which needs the feature {feature:?} of allm-telemetry");
        Self { message, source: None }
    }
}

impl From<AttachError> for InitError {
    fn from(error: AttachError) -> Self {
        let message = match error {
            AttachError::AlreadyExists { .. } => "`init` was called before",
            _ => "the exporter cannot be attached",
        };
        Self::new(message, error)
    }
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut source = self.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl Error for InitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|error| &**error as _)
    }
}
