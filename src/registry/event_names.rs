//! Which event names can be attached and which can be executed.
//!
//! All events are under `allm`, but for `telemetry.handler.failure`. The second segment decides to whom a name belongs: if it
//! names a span, only the four events of that span exist below it, and only spans emit them; any other is free for
//! user-defined events. A name that no event can have is an error, so that a handler is never attached in vain.
//!
//! What [`execute`](super::Telemetry::execute) emits can always be attached under the emitted name.

use std::convert::Infallible;
use std::fmt;

use crate::event::{EventName, KnownEvent, ParseEventNameError, Phase, SpanName, event_prefix};

/// Emitted by this crate alone. It may be attached before there is anything that emits it.
const STALLED: &str = "allm.span.stalled";

/// Checks that events with this name can exist.
pub(super) fn check(name: &EventName) -> Result<(), EventNameError> {
    let error = |problem| Err(EventNameError { given: name.as_str().into(), problem });
    let mut segments = name.segments();
    let (first, second) = (segments.next(), segments.next());
    match name.as_known() {
        Some(_) => Ok(()),
        None if name.as_str().contains('*') => error(Problem::Wildcard),
        None if first == Some("telemetry") => error(Problem::Telemetry),
        None if first != Some(event_prefix()) => error(Problem::Prefix),
        None => match second.map(str::parse::<SpanName>) {
            None => error(Problem::PrefixAlone),
            Some(Ok(span)) => error(Problem::NoEventOfSpan(span)),
            Some(Err(_)) => Ok(()),
        },
    }
}

/// Returns the name under which `execute` emits: `given` itself if it begins with `allm`, otherwise `allm.` and `given`.
pub(super) fn executed(given: EventName) -> Result<EventName, EventNameError> {
    if given.segments().next() == Some("telemetry") {
        return Err(EventNameError { given: given.as_str().into(), problem: Problem::Reserved });
    }
    let name = if given.starts_with(event_prefix()) {
        given
    } else {
        EventName::try_from(format!("{}.{given}", event_prefix()))?
    };
    let is_reserved = match name.as_known() {
        Some(KnownEvent::Retry) => false,
        Some(KnownEvent::Span(..) | KnownEvent::HandlerFailure) => true,
        None => name.as_str() == STALLED,
    };
    match check(&name) {
        Ok(()) if !is_reserved => Ok(name),
        Ok(()) | Err(EventNameError { problem: Problem::NoEventOfSpan(_), .. }) => {
            Err(EventNameError { given: name.as_str().into(), problem: Problem::Reserved })
        }
        Err(error) => Err(error),
    }
}

/// The error returned when no event can have a name, or when [`execute`](crate::execute) must not emit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventNameError {
    given: Box<str>,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    /// It is not a name.
    Parse(ParseEventNameError),
    Wildcard,
    /// It is under `telemetry`.
    Telemetry,
    /// It begins neither with `allm` nor with `telemetry`.
    Prefix,
    PrefixAlone,
    /// It is below a span, and is none of its events.
    NoEventOfSpan(SpanName),
    /// Only this crate emits it.
    Reserved,
}

impl EventNameError {
    /// Returns the name that was given. Of a name for [`execute`](crate::execute), the one that would be emitted.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }
}

impl fmt::Display for EventNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Problem::Parse(error) = &self.problem {
            return error.fmt(f);
        }
        // A name may have any length, and an error message should fit on a screen.
        let shown: String = self.given.chars().take(80).collect();
        let more = if shown.len() < self.given.len() { "…" } else { "" };
        write!(f, "invalid event name {shown:?}{more}: ")?;
        match &self.problem {
            Problem::Parse(_) => Ok(()),
            Problem::Wildcard => f.write_str(
                "names are exact and have no wildcards; to attach to all events of a span, pass \
                 `SpanName::Generate.events()` to `attach_many`",
            ),
            Problem::Telemetry => {
                write!(f, "the only event under \"telemetry\" is \"{}\"", EventName::FAILURE)
            }
            Problem::Prefix => {
                write!(
                    f,
                    "every name begins with \"{}\", user-defined ones too; did you mean \"{0}.{shown}{more}\"?",
                    event_prefix()
                )
            }
            Problem::PrefixAlone => f.write_str("expected an event below it, such as \"allm.generate.stop\""),
            Problem::NoEventOfSpan(span) => {
                write!(f, "{span:?} is a span, and its events are ", span = span.as_str())?;
                for (index, event) in span.events().iter().enumerate() {
                    let before = match index {
                        0 => "",
                        _ if index + 1 < Phase::ALL.len() => ", ",
                        _ => " and ",
                    };
                    write!(f, "{before}\"{event}\"")?;
                }
                Ok(())
            }
            Problem::Reserved => write!(
                f,
                "only this crate emits it; choose a name that is not below a span or \"telemetry\", such as \
                 \"cache.hit\""
            ),
        }
    }
}

impl std::error::Error for EventNameError {}

impl From<ParseEventNameError> for EventNameError {
    fn from(error: ParseEventNameError) -> Self {
        Self { given: error.given().into(), problem: Problem::Parse(error) }
    }
}

impl From<Infallible> for EventNameError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
