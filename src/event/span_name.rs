use std::fmt;
use std::str::FromStr;

use super::event_name::{EventIndex, EventName};

/// What kind of work a span stands for.
///
/// The set is closed on purpose: a misspelt name is an error when it is parsed, not a second, empty dashboard.
///
/// # Examples
///
/// ```
/// use allm_telemetry::SpanName;
///
/// assert_eq!("tool".parse(), Ok(SpanName::Tool));
/// let error = "chats".parse::<SpanName>().unwrap_err();
/// assert!(error.to_string().contains("generate, stream, step, chat, tool"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SpanName {
    /// One request to a model, answered at once.
    Generate,
    /// One request to a model, answered chunk by chunk.
    Stream,
    /// One round of an agent: a model call and the tools it asked for.
    Step,
    /// One conversation turn: the outermost span of an agent.
    Chat,
    /// One tool that the model asked for.
    Tool,
    /// Images made or changed.
    Image,
    /// Texts turned into vectors.
    Embed,
    /// Inputs checked against a policy.
    Moderate,
    /// Inputs sorted into classes, or questions about them answered.
    Classify,
    /// Text turned into speech.
    Synthesize,
    /// Speech turned into text.
    Transcribe,
}

impl SpanName {
    /// Every span name, in the order of the catalogue.
    pub const ALL: [Self; 11] = [
        Self::Generate,
        Self::Stream,
        Self::Step,
        Self::Chat,
        Self::Tool,
        Self::Image,
        Self::Embed,
        Self::Moderate,
        Self::Classify,
        Self::Synthesize,
        Self::Transcribe,
    ];

    /// The name as it stands in event names: `generate`, `stream`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Stream => "stream",
            Self::Step => "step",
            Self::Chat => "chat",
            Self::Tool => "tool",
            Self::Image => "image",
            Self::Embed => "embed",
            Self::Moderate => "moderate",
            Self::Classify => "classify",
            Self::Synthesize => "synthesize",
            Self::Transcribe => "transcribe",
        }
    }

    /// The name of one of this span's events: `SpanName::Tool.event(Phase::Stop)` is `allm.tool.stop`.
    #[must_use]
    pub const fn event(self, phase: Phase) -> EventName {
        EventName::known(EventIndex::of(self, phase))
    }

    /// All events of this span, for [`attach_many`](crate::attach_many).
    #[must_use]
    pub const fn events(self) -> [EventName; 4] {
        [
            self.event(Phase::Start),
            self.event(Phase::FirstChunk),
            self.event(Phase::Stop),
            self.event(Phase::Exception),
        ]
    }
}

impl fmt::Display for SpanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for SpanName {
    type Err = ParseSpanNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or_else(|| ParseSpanNameError { given: text.into() })
    }
}

/// The error of parsing a [`SpanName`]. Its text lists the valid names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseSpanNameError {
    given: Box<str>,
}

impl ParseSpanNameError {
    /// The text that is no span name.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }
}

impl fmt::Display for ParseSpanNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown span name {:?}, valid are: ", self.given)?;
        for (place, name) in SpanName::ALL.into_iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{name}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseSpanNameError {}

/// A moment in a span's life that has an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// The work began.
    Start,
    /// The first chunk of a stream came.
    FirstChunk,
    /// The work ended: completed, failed with an error, or dropped by its reader.
    Stop,
    /// The work was cut short: cancelled or panicked.
    Exception,
}

impl Phase {
    /// The last segment of the event's name: `start`, `first_chunk`, `stop`, `exception`.
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
