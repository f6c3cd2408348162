use std::panic::Location;

use super::catch::Caught;
use super::interest::EventSet;
use super::telemetry::Telemetry;
use crate::event::{Event, EventName, Measurements, Metadata};

/// What `telemetry.handler.failure` tells.
pub(crate) struct Failure(Metadata);

impl Failure {
    pub(crate) fn panic(
        event: Option<&EventName>,
        handler_id: &str,
        caught: &Caught,
        at: &Location<'_>,
    ) -> Self {
        Self::new(event, handler_id, "panic", caught.message(), caught.stacktrace(at))
    }

    pub(super) fn new(
        event: Option<&EventName>,
        handler_id: &str,
        kind: &'static str,
        reason: &str,
        stacktrace: String,
    ) -> Self {
        Self(
            Metadata::new()
                .with("event_name", event.map(|event| event.as_str().to_owned()))
                .with("handler_id", handler_id.to_owned())
                .with("kind", kind)
                .with("reason", reason.to_owned())
                .with("stacktrace", stacktrace),
        )
    }
}

impl Telemetry {
    /// Tells that a sink of yours could not write: emits `telemetry.handler.failure` with kind `io`. Call it once a sink,
    /// and not while events wait for that sink.
    pub fn sink_failed(&self, handler_id: &str, error: &std::io::Error) {
        let mut failure = Failure::new(None, handler_id, "io", &error.to_string(), String::new());
        failure.0.insert("stacktrace", None::<&'static str>);
        emit(self, failure);
    }
}

/// Tells whoever is attached to `telemetry.handler.failure`. What failed is detached before, so this cannot loop.
pub(crate) fn emit(telemetry: &Telemetry, failure: Failure) {
    if telemetry.follows(EventSet::FAILURE) {
        let now = telemetry.now();
        let measurements =
            Measurements::from([("system_time", telemetry.system_time(now)), ("monotonic_time", now.0)]);
        telemetry.emit(&Event::given(&EventName::FAILURE, &measurements, &failure.0, false));
    }
}
