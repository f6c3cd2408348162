use std::sync::LazyLock;

use super::event_name::EventName;
use super::phase::Phase;
use super::span_name::SpanName;

/// An event of the catalogue.
///
/// An [`EventName`] of the catalogue is stored as a `KnownEvent` rather than as text, so that the registry finds its handlers by
/// index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum KnownEvent {
    Span(SpanName, Phase),
    Retry,
    HandlerFailure,
}

/// All known events with their names, by [`KnownEvent::index`]. Built at first use, because a `const` cannot concatenate names.
static KNOWN: LazyLock<Vec<(KnownEvent, String)>> = LazyLock::new(|| {
    let mut known = Vec::with_capacity(KnownEvent::COUNT);
    for &span in SpanName::ALL {
        for &phase in Phase::ALL {
            known.push((KnownEvent::Span(span, phase), format!("allm.{span}.{phase}")));
        }
    }
    known.push((KnownEvent::Retry, "allm.adapter.retry".to_owned()));
    known.push((KnownEvent::HandlerFailure, "telemetry.handler.failure".to_owned()));
    known
});

/// The names of all known events, in the same order. [`SpanName::events`] returns slices of it.
static NAMES: LazyLock<Vec<EventName>> =
    LazyLock::new(|| KNOWN.iter().map(|(event, _)| EventName::known(*event)).collect());

impl KnownEvent {
    const SPAN_EVENTS: usize = SpanName::ALL.len() * Phase::ALL.len();
    pub(crate) const COUNT: usize = Self::SPAN_EVENTS + 2;

    /// Returns the index of this event in tables with one row per event of the catalogue.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Span(span, phase) => span as usize * Phase::ALL.len() + phase as usize,
            Self::Retry => Self::SPAN_EVENTS,
            Self::HandlerFailure => Self::SPAN_EVENTS + 1,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        &KNOWN[self.index()].1
    }

    pub(super) fn find(text: &str) -> Option<Self> {
        KNOWN.iter().find(|(_, name)| name == text).map(|(event, _)| *event)
    }

    /// Returns the four events of a span, in the order of [`Phase::ALL`].
    pub(super) fn of_span(span: SpanName) -> &'static [EventName] {
        let start = Self::Span(span, Phase::Start).index();
        &NAMES[start..start + Phase::ALL.len()]
    }

    /// Returns the names of all known events.
    pub(super) fn names() -> &'static [EventName] {
        &NAMES
    }
}
