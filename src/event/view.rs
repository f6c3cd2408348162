use std::any::Any;
use std::fmt::{self, Write as _};
use std::time::Duration;

use super::clock::Time;
use super::content::Content;
use super::end::SpanEnd;
use super::entry::{Entries, Entry, Visit};
use super::event_name::EventName;
use super::fields::{Measurements, Metadata};
use super::outcome::Outcome;
use super::owned::OwnedEvent;
use super::sanitize::OneLine;
use super::span_id::SpanId;
use super::start::SpanStart;
use super::trace_parent::TraceParent;
use super::usage::Usage;
use super::value::ValueRef;
use super::{phase::Phase, span_name::SpanName};

/// An event as handlers receive it: a name, measurements (numbers) and metadata (descriptive values).
///
/// It borrows its data and is cheap to create. [`to_owned`](Self::to_owned) returns an event that can be kept, sent and queued.
/// `Display` writes one line. It omits content, replaces user-defined keys by their number, and replaces control characters.
/// `Debug` writes everything, including content.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{Event, SpanName, event::Outcome};
///
/// allm_telemetry::attach_many("slow tools", SpanName::Tool.events(), |event: &Event<'_>| {
///     if event.outcome() == Some(Outcome::Completed) && event.duration().is_some_and(|it| it.as_secs() > 5) {
///         let tool = event.metadata("tool_name").and_then(|name| name.as_str()).unwrap_or("unknown");
///         eprintln!("{tool} was slow in request {:?}", event.request_id());
///     }
/// })?;
/// # allm_telemetry::detach("slow tools").unwrap();
/// # Ok::<(), allm_telemetry::handler::AttachError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Event<'a> {
    name: &'a EventName,
    data: Data<'a>,
    response: Option<&'a dyn Any>,
}

/// The data of an event: of a phase of a span, or key by key.
#[derive(Clone, Copy)]
pub(crate) enum Data<'a> {
    Span(&'a SpanStart, PhaseData<'a>),
    /// Of a retry, of the failure of a handler, or passed to `execute`. Only in the last case the keys are user-defined.
    Fields {
        measurements: &'a Measurements,
        metadata: &'a Metadata,
        /// When it was emitted, in nanoseconds since the Unix epoch.
        system_time: u64,
        from_user: bool,
    },
}

/// What the events of a phase have besides the [`SpanStart`].
#[derive(Clone, Copy)]
pub(crate) enum PhaseData<'a> {
    Start,
    FirstChunk { time_to_first_chunk: u64, monotonic_time: u64 },
    End(&'a SpanEnd),
}

impl PhaseData<'_> {
    fn monotonic_time(&self, start: &SpanStart) -> Time {
        match *self {
            PhaseData::Start => start.monotonic_time,
            PhaseData::FirstChunk { monotonic_time, .. } => Time(monotonic_time),
            PhaseData::End(end) => end.monotonic_time,
        }
    }
}

impl<'a> Event<'a> {
    pub(crate) fn of_span(name: &'a EventName, start: &'a SpanStart, moment: PhaseData<'a>) -> Self {
        Self { name, data: Data::Span(start, moment), response: None }
    }

    pub(crate) fn from_fields(
        name: &'a EventName,
        measurements: &'a Measurements,
        metadata: &'a Metadata,
        system_time: u64,
        from_user: bool,
    ) -> Self {
        let data = Data::Fields { measurements, metadata, system_time, from_user };
        Self { name, data, response: None }
    }

    pub(crate) fn with_response(self, response: Option<&'a dyn Any>) -> Self {
        Self { response, ..self }
    }

    pub(crate) fn data(&self) -> Data<'a> {
        self.data
    }

    /// Returns the event's name.
    #[must_use]
    pub fn name(&self) -> &'a EventName {
        self.name
    }

    /// Returns the name of the span that the event belongs to, if there is one.
    #[must_use]
    pub fn span(&self) -> Option<SpanName> {
        match self.data {
            Data::Span(start, _) => Some(start.name),
            Data::Fields { .. } => None,
        }
    }

    /// Returns which phase of the span this event reports. `None` for an event that belongs to no span.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        match self.data {
            Data::Span(_, PhaseData::Start) => Some(Phase::Start),
            Data::Span(_, PhaseData::FirstChunk { .. }) => Some(Phase::FirstChunk),
            Data::Span(_, PhaseData::End(end)) if end.outcome.is_exception() => Some(Phase::Exception),
            Data::Span(_, PhaseData::End(_)) => Some(Phase::Stop),
            Data::Fields { .. } => None,
        }
    }

    /// Returns how the span ended, if this is its end.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.end().map(|end| end.outcome)
    }

    /// Returns how long the span lasted, if this is its end.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.end().map(|end| Duration::from_nanos(end.duration))
    }

    /// Returns the tokens used, if this is a span's end and they were recorded.
    #[must_use]
    pub fn usage(&self) -> Option<&'a Usage> {
        self.end()?.results.usage.as_ref()
    }

    /// Returns whether this span reports the tokens of its call.
    ///
    /// Sum [`usage`](Self::usage) only over events where this is `true`, as all exporters of this crate do. Otherwise the tokens
    /// of a call are counted twice if two spans observe it: an adapter's span and the client library's inside it. Of two such
    /// spans, the one that ends first reports the tokens. A chat or step reports tokens only if no span inside it did. `false`
    /// if neither the input nor the output is known: web searches, a billed count or a total alone are no tokens.
    #[must_use]
    pub fn counts_usage(&self) -> bool {
        self.end().is_some_and(|end| end.counts_usage)
    }

    /// Returns when the event happened, in nanoseconds since the Unix epoch.
    ///
    /// The outermost span reads the system clock once. The times of the other events in it follow from the monotonic clock, so they
    /// are in the right order and have the right distance even if the system clock is set in the meantime.
    #[must_use]
    pub fn unix_time(&self) -> u64 {
        match self.data {
            Data::Span(start, moment) => start.system_time_at(moment.monotonic_time(start)),
            Data::Fields { system_time, .. } => system_time,
        }
    }

    /// Returns whether this span reports the cost of its call.
    ///
    /// The rule is that of [`counts_usage`](Self::counts_usage): sum `cost_usd` only over events where this is `true`. `false` if
    /// no cost was recorded.
    #[must_use]
    pub fn counts_cost(&self) -> bool {
        self.end().is_some_and(|end| end.counts_cost)
    }

    /// Returns the id of the request that the event belongs to.
    #[must_use]
    pub fn request_id(&self) -> Option<&'a str> {
        match self.data {
            Data::Span(start, _) => Some(start.request_id().as_str()),
            Data::Fields { .. } => self.metadata("request_id")?.as_str(),
        }
    }

    /// Returns the id of the span that the event belongs to.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        match self.data {
            Data::Span(start, _) => Some(start.span_id),
            Data::Fields { .. } => SpanId::parse(self.metadata("span_id")?.as_str()?),
        }
    }

    /// Returns the id of the nearest observed enclosing span.
    #[must_use]
    pub fn parent_span_id(&self) -> Option<SpanId> {
        match self.data {
            Data::Span(start, _) => start.parent_span_id,
            Data::Fields { .. } => None,
        }
    }

    /// Returns the span of another process that caused the request, if one was [extracted](crate::Context::extract). A
    /// listener that creates spans of a tracing system uses it as the parent of a span that is not nested in another span with
    /// the same remote parent.
    #[must_use]
    pub fn remote_parent(&self) -> Option<&'a TraceParent> {
        match self.data {
            Data::Span(start, _) => start.inherited.as_ref()?.remote_parent.as_ref(),
            Data::Fields { .. } => None,
        }
    }

    /// Returns the response itself, if this is the end of a span with [`keep_response`](crate::Span::keep_response) and the
    /// response is a `T`.
    #[must_use]
    pub fn response<T: 'static>(&self) -> Option<&'a T> {
        self.response?.downcast_ref()
    }

    /// Returns a measurement by its key. `None` if there is no such key, [`ValueRef::Null`] if the key exists but has no value.
    #[must_use]
    pub fn measurement(&self, key: &str) -> Option<ValueRef<'a>> {
        find(key, |visit| self.visit_measurements(visit))
    }

    /// Returns a value of the metadata by its key. `None` if there is no such key, [`ValueRef::Null`] if the key exists but has
    /// no value.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<ValueRef<'a>> {
        find(key, |visit| self.visit_metadata(visit))
    }

    /// Returns all measurements, in the order of the catalogue.
    #[must_use]
    pub fn measurements(&self) -> Entries<'a> {
        Entries::collect(|visit| self.visit_measurements(visit))
    }

    /// Returns all metadata, in the order of the catalogue.
    #[must_use]
    pub fn metadata_entries(&self) -> Entries<'a> {
        Entries::collect(|visit| self.visit_metadata(visit))
    }

    /// Returns a copy that can be kept. It does not contain the [response itself](Self::response).
    #[must_use]
    pub fn to_owned(&self) -> OwnedEvent {
        OwnedEvent::of(self)
    }

    pub(crate) fn visit_measurements(&self, visit: Visit<'_, 'a>) {
        match self.data {
            Data::Span(start, PhaseData::Start) => {
                visit(Entry::number("system_time", start.system_time));
                visit(Entry::number("monotonic_time", start.monotonic_time.0));
            }
            Data::Span(_, PhaseData::FirstChunk { time_to_first_chunk, monotonic_time }) => {
                visit(Entry::number("time_to_first_chunk", time_to_first_chunk));
                visit(Entry::number("monotonic_time", monotonic_time));
            }
            Data::Span(start, PhaseData::End(end)) => end.visit_measurements(start, visit),
            Data::Fields { measurements, from_user, .. } => {
                for (key, value) in measurements.iter() {
                    visit(Entry { key, value: ValueRef::Number(*value), from_user });
                }
            }
        }
    }

    pub(crate) fn visit_metadata(&self, visit: Visit<'_, 'a>) {
        match self.data {
            Data::Span(start, PhaseData::End(end)) => end.visit_metadata(start, visit),
            Data::Span(start, _) => {
                start.visit_standard(visit);
                for (key, value) in start.baggage().chain(&start.optional.user) {
                    visit(Entry::user(key, value.as_value_ref()));
                }
            }
            Data::Fields { metadata, from_user, .. } => {
                for (key, value) in metadata.iter() {
                    visit(Entry { key, value: value.as_value_ref(), from_user });
                }
            }
        }
    }

    fn end(&self) -> Option<&'a SpanEnd> {
        match self.data {
            Data::Span(_, PhaseData::End(end)) => Some(end),
            _ => None,
        }
    }
}

fn find<'a>(key: &str, visit_all: impl FnOnce(Visit<'_, 'a>)) -> Option<ValueRef<'a>> {
    // The first match is used, because standard keys are visited before user-defined ones. A visitor cannot stop early.
    let mut found = None;
    visit_all(&mut |entry| {
        if found.is_none() && entry.key == key {
            found = Some(entry.value);
        }
    });
    found
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may contain control characters from models or users, and the line is written to terminals and logs.
        let mut line = OneLine(f);
        write!(line, "{}", self.name)?;
        let (user, standard): (Vec<_>, Vec<_>) = self.metadata_entries().partition(|entry| entry.from_user);
        // Handlers may print events, so keys that are content are omitted.
        let standard = standard.into_iter().filter(|entry| Content::of_key(entry.key) == Content::NONE);
        for entry in self.measurements().chain(standard) {
            if !entry.value.is_null() {
                write!(line, " {}={}", entry.key, entry.value)?;
            }
        }
        match user.len() {
            0 => Ok(()),
            // User values may be private; their number shows that the line is incomplete.
            count => write!(line, " (user keys not shown: {count})"),
        }
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |entries: Entries<'_>| {
            entries.map(|it| (it.key.to_owned(), it.value.to_value())).collect::<Metadata>()
        };
        f.debug_struct("Event")
            .field("name", &self.name.as_str())
            .field("measurements", &show(self.measurements()))
            .field("metadata", &show(self.metadata_entries()))
            .finish()
    }
}
