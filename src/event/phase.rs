use std::fmt;

/// A point in the lifecycle of a span that is reported by an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// The work began.
    Start,
    /// The first chunk of a stream arrived.
    FirstChunk,
    /// The work ended: it completed, failed with an error, or its stream was dropped by the consumer.
    Stop,
    /// The work was interrupted: it was cancelled or it panicked.
    Exception,
}

impl Phase {
    /// Every phase, in the order in which they occur.
    pub const ALL: &'static [Self] = &[Self::Start, Self::FirstChunk, Self::Stop, Self::Exception];

    /// Returns the last segment of the event's name: `start`, `first_chunk`, `stop`, `exception`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::FirstChunk => "first_chunk",
            Self::Stop => "stop",
            Self::Exception => "exception",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
