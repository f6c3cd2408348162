use std::error::Error;
use std::fmt;
use std::io;

/// The error of building a pipeline: a setting is invalid, or the system could not start a thread or a runtime.
#[derive(Debug)]
pub struct OtlpError {
    message: String,
    source: Option<io::Error>,
}

impl OtlpError {
    pub(super) fn setting(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }
}

impl From<io::Error> for OtlpError {
    fn from(error: io::Error) -> Self {
        let message = "cannot start the thread and the runtime of the exports".to_owned();
        Self { message, source: Some(error) }
    }
}

impl fmt::Display for OtlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for OtlpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}
