//! Why a turn failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_openai::error::OpenAIError;
use serde_json::Value;

use crate::client::Busy;

#[derive(Debug)]
pub(crate) enum AgentError {
    /// The endpoint or the client failed.
    Model(OpenAIError),
    /// No first byte arrived in time.
    TimedOut(Duration),
    /// The model kept calling tools and did not answer.
    TooManySteps,
}

impl AgentError {
    /// A class with few values, for dashboards. It contains no text of a request.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Model(error) => class(error),
            Self::TimedOut(_) => "timeout",
            Self::TooManySteps => "too_many_steps",
        }
    }

    /// Nothing listens at the endpoint, so no other call can succeed.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Model(OpenAIError::Reqwest(error)) if error.is_connect())
    }
}

/// The class of a client error. Its text may contain a whole body, or a URL with its query.
pub(crate) fn class(error: &OpenAIError) -> &'static str {
    match error {
        OpenAIError::Boxed(error) if error.is::<Busy>() => "rate_limited",
        OpenAIError::ApiError(error) if error.status_code.is_server_error() => "server_error",
        OpenAIError::ApiError(_) => "refused",
        OpenAIError::Reqwest(error) if error.is_connect() => "unreachable",
        OpenAIError::Reqwest(_) => "transport",
        OpenAIError::StreamError(_) => "broken_stream",
        OpenAIError::JSONDeserialize(_, body) if error_event(body).is_some() => "error_event",
        OpenAIError::JSONDeserialize(..) => "unexpected_body",
        _ => "client",
    }
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(OpenAIError::JSONDeserialize(_, body)) => {
                f.write_str(error_event(body).as_deref().unwrap_or("the body is not what it should be"))
            }
            Self::Model(error) => write!(f, "{}", root_cause(error)),
            Self::TimedOut(patience) => write!(f, "no answer within {patience:?}"),
            Self::TooManySteps => f.write_str("no answer after many steps"),
        }
    }
}

/// The message of an error that arrived as an event of a stream. async-openai reports it as a malformed chunk.
fn error_event(body: &str) -> Option<String> {
    let event: Value = serde_json::from_str(body).ok()?;
    event["error"]["message"].as_str().map(str::to_owned)
}

/// The innermost error has the shortest text: `Connection refused`, not `error sending request`.
fn root_cause(error: &dyn Error) -> &dyn Error {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

impl Error for AgentError {}

impl From<OpenAIError> for AgentError {
    fn from(error: OpenAIError) -> Self {
        Self::Model(error)
    }
}
