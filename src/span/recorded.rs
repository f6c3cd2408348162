use super::recording::Recording;
use crate::event::{Number, Usage, Value};

/// What was recorded on a span so far. Returned by [`Record::recorded`](crate::Record::recorded).
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    recording: &'a Recording,
}

impl<'a> Recorded<'a> {
    pub(super) fn new(recording: &'a Recording) -> Self {
        Self { recording }
    }

    /// The tokens, merged from all that was recorded.
    #[must_use]
    pub fn usage(self) -> Option<&'a Usage> {
        self.recording.results.usage.as_ref()
    }

    /// The model that answered.
    #[must_use]
    pub fn response_model(self) -> Option<&'a str> {
        self.recording.results.response_model.as_deref()
    }

    /// The provider's id of the response.
    #[must_use]
    pub fn response_id(self) -> Option<&'a str> {
        self.recording.results.response_id.as_deref()
    }

    /// Why the model stopped, one value for each choice, null where it is not known.
    #[must_use]
    pub fn finish_reasons(self) -> &'a [Value] {
        self.recording.results.finish_reasons.as_deref().unwrap_or_default()
    }

    /// The class of the first error.
    #[must_use]
    pub fn error_type(self) -> Option<&'a str> {
        self.recording.failure.as_ref().map(|failure| &*failure.error_type)
    }

    /// A number that was recorded under this key.
    #[must_use]
    pub fn measurement(self, key: &str) -> Option<Number> {
        self.recording.results.measurements.get(key).copied()
    }

    /// A value that was recorded under this key.
    #[must_use]
    pub fn metadata(self, key: &str) -> Option<&'a Value> {
        self.recording.results.metadata.get(key)
    }

    pub(super) fn finish_reason_of(self, choice: usize) -> Option<&'a str> {
        self.finish_reasons().get(choice)?.as_value_ref().as_str()
    }
}
