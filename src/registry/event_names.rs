//! Which event names can be attached and which can be executed.
//!
//! All events are under `allm`, but for `telemetry.handler.failure`. The second segment decides to whom a name belongs: if it
//! names a span, only the four events of that span exist below it, and only spans emit them; any other is free for
//! user-defined events. A name that no event can have is an error, and so is an event of a span whose name is misspelt
//! (`allm.genrate.stop`). Any other misspelt name may be one of the user's own, and is accepted.
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
        None => match second.map(|second| (second, second.parse::<SpanName>())) {
            None => error(Problem::PrefixAlone),
            Some((_, Ok(span))) => error(Problem::NoEventOfSpan(span)),
            Some((second, Err(_))) => match event_meant(second, segments) {
                Some(meant) => error(Problem::MisspeltSpan { given: second.into(), meant }),
                None => Ok(()),
            },
        },
    }
}

/// Returns the event of a span that the segments after `allm` differ from by a typo in the span's name.
fn event_meant<'a>(second: &str, mut rest: impl Iterator<Item = &'a str>) -> Option<EventName> {
    let (third, None) = (rest.next()?, rest.next()) else { return None };
    let phase = Phase::ALL.iter().find(|phase| phase.as_str().eq_ignore_ascii_case(third))?;
    let span = SpanName::ALL.iter().find(|span| is_misspelt(second.as_bytes(), span.as_str().as_bytes()))?;
    Some(span.event(*phase))
}

/// Returns whether `given` is `name` with at most one typo for every four letters, at most two, and none in the first letter:
/// `genrate`. With more typos, it may be a word of the user's own: `pool` is not `tool`, and `setup` is not `step`.
fn is_misspelt(given: &[u8], name: &[u8]) -> bool {
    let same_first = given.first().map(u8::to_ascii_lowercase) == name.first().copied();
    same_first && differ_at_most(given, name, (name.len() / 4).min(2))
}

/// Returns whether this many edits make the texts equal: a letter that is missing, added or another, or two that are swapped.
/// Case is ignored.
fn differ_at_most(a: &[u8], b: &[u8], edits: usize) -> bool {
    match (a, b) {
        ([], []) => true,
        ([x, a @ ..], [y, b @ ..]) if x.eq_ignore_ascii_case(y) => differ_at_most(a, b, edits),
        _ if edits == 0 => false,
        ([], _) | (_, []) => a.len().max(b.len()) <= edits,
        ([x, after_x @ ..], [y, after_y @ ..]) => {
            let swapped = match (after_x, after_y) {
                ([x2, a @ ..], [y2, b @ ..]) => {
                    x.eq_ignore_ascii_case(y2)
                        && x2.eq_ignore_ascii_case(y)
                        && differ_at_most(a, b, edits - 1)
                }
                _ => false,
            };
            swapped
                || differ_at_most(after_x, b, edits - 1)
                || differ_at_most(a, after_y, edits - 1)
                || differ_at_most(after_x, after_y, edits - 1)
        }
    }
}

/// Returns the name under which `execute` emits: `given` itself if it begins with `allm`, otherwise `allm.` and `given`.
pub(super) fn executed(given: EventName) -> Result<EventName, EventNameError> {
    let first = given.segments().next();
    // `Allm` is refused: it is more likely `allm` than an event of its own.
    let is_whole = first.is_some_and(|it| it == "telemetry" || it.eq_ignore_ascii_case(event_prefix()));
    let name = if is_whole { given } else { EventName::try_from(format!("{}.{given}", event_prefix()))? };
    check(&name)?;
    let is_reserved = match name.as_known() {
        Some(KnownEvent::Retry) => false,
        Some(KnownEvent::Span(..) | KnownEvent::HandlerFailure) => true,
        None => name.as_str() == STALLED,
    };
    if is_reserved {
        return Err(EventNameError { given: name.as_str().into(), problem: Problem::Reserved });
    }
    Ok(name)
}

/// The error returned when no event can have a name, or when [`execute`](crate::execute) must not emit it.
///
/// `Debug` prints the same text as `Display`, for a `main` that returns it.
#[derive(Clone, PartialEq, Eq)]
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
    /// It is an event of a span, but for a typo in the span's name.
    MisspeltSpan {
        given: Box<str>,
        meant: EventName,
    },
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
                let (prefix, meant) = (event_prefix(), with_prefix(&shown));
                write!(
                    f,
                    "every name begins with \"{prefix}\", user-defined ones too; did you mean \"{meant}{more}\"?"
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
            Problem::MisspeltSpan { given, meant } => {
                write!(f, "{given:?} is not a span; did you mean \"{meant}\"?")
            }
            Problem::Reserved => write!(
                f,
                "only this crate emits it; choose a name that is not below a span or \"telemetry\", such as \
                 \"cache.hit\""
            ),
        }
    }
}

/// Returns what a name without the prefix was probably meant to be.
fn with_prefix(given: &str) -> String {
    let prefix = event_prefix();
    let lower = given.to_ascii_lowercase();
    let known = [format!("{prefix}.{lower}"), lower]
        .into_iter()
        .find(|name| EventName::try_from(name.as_str()).is_ok_and(|name| name.as_known().is_some()));
    known.unwrap_or_else(|| match given.split_once('.') {
        Some((first, rest)) if first.eq_ignore_ascii_case(prefix) => format!("{prefix}.{rest}"),
        _ => format!("{prefix}.{given}"),
    })
}

impl fmt::Debug for EventNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
