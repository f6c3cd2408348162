use super::recording::Recording;
use crate::event::{Number, Usage, Value};

/// A view of what was recorded on a span so far. Returned by [`Record::recorded`](crate::Record::recorded).
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    recording: &'a Recording,
}

impl<'a> Recorded<'a> {
    pub(super) fn new(recording: &'a Recording) -> Self {
        Self { recording }
    }

    /// Returns the token usage, merged from all calls of [`Record::usage`](crate::Record::usage).
    #[must_use]
    pub fn usage(self) -> Option<&'a Usage> {
        self.recording.results.usage.as_ref()
    }

    /// Returns the model that answered.
    #[must_use]
    pub fn response_model(self) -> Option<&'a str> {
        self.recording.results.response_model.as_deref()
    }

    /// Returns the provider's id of the response.
    #[must_use]
    pub fn response_id(self) -> Option<&'a str> {
        self.recording.results.response_id.as_deref()
    }

    /// Returns the provider's id of the request.
    #[must_use]
    pub fn provider_request_id(self) -> Option<&'a str> {
        self.recording.results.optional.get("provider_request_id")?.as_value_ref().as_str()
    }

    /// Returns why the model stopped, as one value for each choice, which is null if it is not known.
    #[must_use]
    pub fn finish_reasons(self) -> &'a [Value] {
        self.recording.results.finish_reasons.as_deref().unwrap_or_default()
    }

    /// Returns whether the answer is [finished](crate::Record::finished).
    #[must_use]
    pub fn finished(self) -> bool {
        self.recording.finished
    }

    /// Returns the class of the first error.
    #[must_use]
    pub fn error_type(self) -> Option<&'a str> {
        self.recording.failure.as_ref().map(|failure| &*failure.error_type)
    }

    /// Returns the number that was recorded with this key.
    #[must_use]
    pub fn measurement(self, key: &str) -> Option<Number> {
        self.recording.results.measurements.get(key).copied()
    }

    /// Returns the value that was recorded with this key.
    #[must_use]
    pub fn metadata(self, key: &str) -> Option<&'a Value> {
        self.recording.results.metadata.get(key)
    }

    pub(super) fn finish_reason_of(self, choice: usize) -> Option<&'a str> {
        self.finish_reasons().get(choice)?.as_value_ref().as_str()
    }
}
