use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::span_name::{Phase, SpanName};

/// An event's name: a path of segments, written with dots (`allm.generate.stop`).
///
/// Made from text or from an array of segments.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{SpanName, event::{EventName, Phase}};
///
/// let name = EventName::try_from(["allm", "generate", "stop"])?;
/// assert_eq!(name, SpanName::Generate.event(Phase::Stop));
/// assert_eq!(name.to_string(), "allm.generate.stop");
/// assert_eq!(name.segments().collect::<Vec<_>>(), ["allm", "generate", "stop"]);
/// assert!(EventName::try_from("allm..stop").is_err());
/// # Ok::<(), allm_telemetry::event::ParseEventNameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EventName(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Known(EventIndex),
    // Never the text of a known one, so that equality is derived.
    Custom(Arc<str>),
}

impl EventName {
    pub(crate) const RETRY: Self = Self::known(EventIndex::RETRY);
    pub(crate) const FAILURE: Self = Self::known(EventIndex::FAILURE);

    pub(crate) const fn known(index: EventIndex) -> Self {
        Self(Repr::Known(index))
    }

    /// The place in the catalogue, if it has one.
    pub(crate) fn index(&self) -> Option<EventIndex> {
        match self.0 {
            Repr::Known(index) => Some(index),
            Repr::Custom(_) => None,
        }
    }

    /// The whole name with its dots.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Known(index) => index.as_str(),
            Repr::Custom(text) => text,
        }
    }

    /// The segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.as_str().split('.')
    }

    /// Whether `prefix` is this name or a path above it. Segments count, not letters: `allm.gen` is not above
    /// `allm.generate`. The empty prefix is above every name.
    #[must_use]
    pub fn starts_with(&self, prefix: &str) -> bool {
        match self.as_str().strip_prefix(prefix) {
            Some(rest) => prefix.is_empty() || rest.is_empty() || rest.starts_with('.'),
            None => false,
        }
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventName({})", self.as_str())
    }
}

impl TryFrom<&str> for EventName {
    type Error = ParseEventNameError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        if let Some(index) = EventIndex::find(text) {
            return Ok(Self::known(index));
        }
        if text.split('.').any(str::is_empty) {
            return Err(ParseEventNameError { given: text.into(), dotted: false });
        }
        Ok(Self(Repr::Custom(text.into())))
    }
}

impl TryFrom<String> for EventName {
    type Error = ParseEventNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::try_from(text.as_str())
    }
}

impl TryFrom<&[&str]> for EventName {
    type Error = ParseEventNameError;

    fn try_from(segments: &[&str]) -> Result<Self, Self::Error> {
        let text = segments.join(".");
        if segments.iter().any(|segment| segment.contains('.')) {
            return Err(ParseEventNameError { given: text.into(), dotted: true });
        }
        Self::try_from(text)
    }
}

impl<const N: usize> TryFrom<[&str; N]> for EventName {
    type Error = ParseEventNameError;

    fn try_from(segments: [&str; N]) -> Result<Self, Self::Error> {
        Self::try_from(segments.as_slice())
    }
}

impl From<&EventName> for EventName {
    fn from(name: &EventName) -> Self {
        name.clone()
    }
}

impl FromStr for EventName {
    type Err = ParseEventNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text)
    }
}

/// The error of making an [`EventName`]: a name is one or more segments and no segment is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseEventNameError {
    given: Box<str>,
    dotted: bool,
}

impl ParseEventNameError {
    /// The text that is no event name.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }
}

impl fmt::Display for ParseEventNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name may be of any length; an error is read by people.
        let shown: String = self.given.chars().take(80).collect();
        let more = if shown.len() < self.given.len() { "…" } else { "" };
        let wrong = match (&*self.given, self.dotted) {
            ("", false) => "it is empty",
            (_, false) => "a segment is empty",
            (_, true) => "a segment contains a dot",
        };
        write!(
            f,
            "invalid event name {shown:?}{more}: {wrong}; valid is a path of non-empty segments such as \
             \"allm.generate.stop\" or [\"allm\", \"generate\", \"stop\"]"
        )
    }
}

impl std::error::Error for ParseEventNameError {}

impl From<Infallible> for ParseEventNameError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// An event of the catalogue by its place: four phases for each span, then the two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EventIndex(u8);

/// Every event name of the catalogue, in the order of [`EventIndex`].
static NAMES: [&str; EventIndex::COUNT] = {
    macro_rules! names {
        ($($span:literal)*) => {
            [
                $(
                    concat!("allm.", $span, ".start"),
                    concat!("allm.", $span, ".first_chunk"),
                    concat!("allm.", $span, ".stop"),
                    concat!("allm.", $span, ".exception"),
                )*
                "allm.adapter.retry",
                "telemetry.handler.failure",
            ]
        };
    }
    names!(
        "generate" "stream" "step" "chat" "tool" "image" "embed" "moderate" "classify" "synthesize" "transcribe"
    )
};

impl EventIndex {
    const PHASES: u8 = 4;
    pub(crate) const RETRY: Self = Self(SpanName::ALL.len() as u8 * Self::PHASES);
    pub(crate) const FAILURE: Self = Self(Self::RETRY.0 + 1);
    pub(crate) const COUNT: usize = Self::FAILURE.0 as usize + 1;

    pub(crate) const fn of(span: SpanName, phase: Phase) -> Self {
        Self(span as u8 * Self::PHASES + phase as u8)
    }

    pub(crate) fn place(self) -> usize {
        usize::from(self.0)
    }

    /// The span this event belongs to and its phase there.
    pub(crate) fn span(self) -> Option<(SpanName, Phase)> {
        let span = *SpanName::ALL.get(usize::from(self.0 / Self::PHASES))?;
        let phase = match self.0 % Self::PHASES {
            0 => Phase::Start,
            1 => Phase::FirstChunk,
            2 => Phase::Stop,
            _ => Phase::Exception,
        };
        Some((span, phase))
    }

    fn as_str(self) -> &'static str {
        NAMES[self.place()]
    }

    fn find(text: &str) -> Option<Self> {
        let place = NAMES.iter().position(|name| *name == text)?;
        u8::try_from(place).ok().map(Self)
    }
}
