use std::fmt;

/// How a span ended. If more than one applies, the last of them in this list is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The work ran to its end, or the consumer dropped the stream after the answer was
    /// [finished](crate::Record::finished).
    Completed,
    /// The consumer dropped the stream before its end. Not an error.
    Dropped,
    /// The future was dropped before it was ready: a timeout, a `select!`, a task abort, a runtime shutdown. Not an error.
    Cancelled,
    /// The result or an item was an error, an observer recorded one, or the stream ended before its answer was finished,
    /// see [`expects_finish`](crate::Span::expects_finish).
    Error,
    /// The work panicked while it was polled.
    Panicked,
}

impl Outcome {
    /// Returns the outcome as used in events: `completed`, `dropped`, `cancelled`, `error`, `panicked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Dropped => "dropped",
            Self::Cancelled => "cancelled",
            Self::Error => "error",
            Self::Panicked => "panicked",
        }
    }

    /// Returns whether the span ends with an `exception` event rather than with `stop`.
    #[must_use]
    pub const fn is_exception(self) -> bool {
        matches!(self, Self::Cancelled | Self::Panicked)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How much of a call's usage is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UsageStatus {
    /// The answer was complete, and the provider reported its usage.
    Reported,
    /// The call ended in another way; the usage is what the provider had reported so far.
    Partial,
    /// The provider reported no usage; the counts are [an estimate](crate::Usage::estimated).
    Estimated,
    /// No usage was recorded. It may not be taken for 0.
    Unknown,
}

impl UsageStatus {
    /// Returns the status as used in events: `reported`, `partial`, `estimated`, `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Partial => "partial",
            Self::Estimated => "estimated",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for UsageStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
