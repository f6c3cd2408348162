use std::fmt;

/// How a span ended. When two hold, the later one in this list wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It ran to its end.
    Completed,
    /// The reader dropped the stream before its end. Not an error.
    Dropped,
    /// The future was dropped before it was ready: a timeout, a `select!`, an abort, a shutdown. Not an error.
    Cancelled,
    /// It, or an item of it, was an error, or an observer said so.
    Error,
    /// It panicked while it was polled.
    Panicked,
}

impl Outcome {
    /// The outcome as it stands in events: `completed`, `dropped`, `cancelled`, `error`, `panicked`.
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

    /// Whether the span ends with an `exception` event; else it ends with a `stop`.
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

/// How much of a stream's usage is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UsageStatus {
    /// The stream completed and told its usage.
    Reported,
    /// The stream ended in another way; this is what it had told by then.
    Partial,
    /// It told none.
    Unknown,
}

impl UsageStatus {
    /// The status as it stands in events: `reported`, `partial`, `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Partial => "partial",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for UsageStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
