use std::io;
use std::panic::Location;

use super::user_code::Caught;
use crate::event::{EventName, Metadata};

/// The metadata of `telemetry.handler.failure`.
pub(super) struct HandlerFailure(Metadata);

impl HandlerFailure {
    /// A handler, listener or observer panicked while `event` was handled.
    pub(super) fn panic(
        event: Option<&EventName>,
        handler_id: &str,
        caught: &Caught,
        caught_at: &Location<'_>,
    ) -> Self {
        let stacktrace = caught.stacktrace(caught_at);
        Self::new(event, handler_id, "panic", caught.message().to_owned(), Some(stacktrace))
    }

    /// A sink cannot write.
    pub(super) fn io(handler_id: &str, error: &io::Error) -> Self {
        Self::new(None, handler_id, "io", error.to_string(), None)
    }

    fn new(
        event: Option<&EventName>,
        handler_id: &str,
        kind: &'static str,
        reason: String,
        stacktrace: Option<String>,
    ) -> Self {
        Self(
            Metadata::new()
                .with("event_name", event.map(|event| event.as_str().to_owned()))
                .with("handler_id", handler_id.to_owned())
                .with("kind", kind)
                .with("reason", reason)
                .with("stacktrace", stacktrace),
        )
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.0
    }
}
