use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::known_event::KnownEvent;

/// The name of an event: one or more segments separated by dots (`allm.generate.stop`).
///
/// It is parsed from text or from an array of segments.
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
    Known(KnownEvent),
    // Never the text of a known event, so that derived equality is correct.
    Custom(Arc<str>),
}

impl EventName {
    pub(crate) const RETRY: Self = Self::known(KnownEvent::Retry);
    pub(crate) const FAILURE: Self = Self::known(KnownEvent::HandlerFailure);

    pub(crate) const fn known(event: KnownEvent) -> Self {
        Self(Repr::Known(event))
    }

    /// Returns every event of the catalogue.
    pub(crate) fn catalogue() -> &'static [Self] {
        KnownEvent::names()
    }

    /// Returns the event of the catalogue with this name, if there is one.
    pub(crate) fn as_known(&self) -> Option<KnownEvent> {
        match self.0 {
            Repr::Known(event) => Some(event),
            Repr::Custom(_) => None,
        }
    }

    /// Returns the whole name with its dots.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Known(event) => event.as_str(),
            Repr::Custom(text) => text,
        }
    }

    /// Returns the segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.as_str().split('.')
    }

    /// Returns whether the name begins with the segments of `prefix`. Whole segments are compared: `allm.generate` does not start
    /// with `allm.gen`. Every name starts with the empty prefix.
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
        if let Some(event) = KnownEvent::find(text) {
            return Ok(Self::known(event));
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

/// The error returned when parsing an [`EventName`] fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseEventNameError {
    given: Box<str>,
    dotted: bool,
}

impl ParseEventNameError {
    /// Returns the text that is not an event name.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }
}

impl fmt::Display for ParseEventNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name may have any length, and an error message should fit on a screen.
        let shown: String = self.given.chars().take(80).collect();
        let more = if shown.len() < self.given.len() { "…" } else { "" };
        let problem = match (&*self.given, self.dotted) {
            ("", false) => "empty",
            (_, false) => "a segment is empty",
            (_, true) => "a segment contains a dot",
        };
        write!(
            f,
            "invalid event name {shown:?}{more}: {problem}; expected non-empty segments such as \
             \"allm.generate.stop\" or [\"allm\", \"generate\", \"stop\"]"
        )
    }
}

impl std::error::Error for ParseEventNameError {}
