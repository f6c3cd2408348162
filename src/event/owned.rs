use std::fmt;

use super::end::SpanEnd;
use super::event_name::EventName;
use super::fields::{Measurements, Metadata};
use super::heap_size::HeapSize as _;
use super::start::SpanStart;
use super::view::{Data, Event, PhaseData};

/// An event that can be kept, sent to another thread and queued. It has the same data as the [`Event`] it was created from.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// let (sender, receiver) = mpsc::channel();
/// allm_telemetry::attach("to a thread", "allm.tool.stop", move |event: &allm_telemetry::Event<'_>| {
///     let _ = sender.send(event.to_owned());
/// })?;
/// std::thread::spawn(move || {
///     for event in receiver {
///         println!("{event}");
///     }
/// });
/// # allm_telemetry::detach("to a thread").unwrap();
/// # Ok::<(), allm_telemetry::handler::AttachError>(())
/// ```
#[derive(Clone)]
pub struct OwnedEvent {
    name: EventName,
    data: OwnedData,
}

#[derive(Clone)]
enum OwnedData {
    Start(Box<SpanStart>),
    FirstChunk { start: Box<SpanStart>, time_to_first_chunk: u64, monotonic_time: u64 },
    End(Box<(SpanStart, SpanEnd)>),
    Fields { measurements: Measurements, metadata: Metadata, system_time: u64, from_user: bool },
}

impl OwnedEvent {
    pub(crate) fn of(event: &Event<'_>) -> Self {
        let data = match event.data() {
            Data::Span(start, PhaseData::Start) => OwnedData::Start(Box::new(start.clone())),
            Data::Span(start, PhaseData::FirstChunk { time_to_first_chunk, monotonic_time }) => {
                OwnedData::FirstChunk { start: Box::new(start.clone()), time_to_first_chunk, monotonic_time }
            }
            Data::Span(start, PhaseData::End(end)) => OwnedData::End(Box::new((start.clone(), end.clone()))),
            Data::Fields { measurements, metadata, system_time, from_user } => OwnedData::Fields {
                measurements: measurements.clone(),
                metadata: metadata.clone(),
                system_time,
                from_user,
            },
        };
        Self { name: event.name().clone(), data }
    }

    /// Returns roughly how many bytes of memory the event holds.
    pub(crate) fn size(&self) -> usize {
        let boxed = match &self.data {
            OwnedData::Start(start) | OwnedData::FirstChunk { start, .. } => {
                size_of::<SpanStart>() + start.heap_size()
            }
            OwnedData::End(both) => {
                size_of::<(SpanStart, SpanEnd)>() + both.0.heap_size() + both.1.heap_size()
            }
            OwnedData::Fields { measurements, metadata, .. } => {
                measurements.heap_size() + metadata.heap_size()
            }
        };
        size_of::<Self>() + boxed
    }

    /// Returns the event, borrowed.
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        match &self.data {
            OwnedData::Start(start) => Event::of_span(&self.name, start, PhaseData::Start),
            &OwnedData::FirstChunk { ref start, time_to_first_chunk, monotonic_time } => {
                let moment = PhaseData::FirstChunk { time_to_first_chunk, monotonic_time };
                Event::of_span(&self.name, start, moment)
            }
            OwnedData::End(both) => Event::of_span(&self.name, &both.0, PhaseData::End(&both.1)),
            OwnedData::Fields { measurements, metadata, system_time, from_user } => {
                Event::from_fields(&self.name, measurements, metadata, *system_time, *from_user)
            }
        }
    }
}

/// Two events are equal if they have the same name and entries.
impl PartialEq for OwnedEvent {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.as_event(), other.as_event());
        // Compared by what a handler can read, not by how it is stored.
        let same = |(a, b): (super::Entry<'_>, super::Entry<'_>)| {
            a.key == b.key && a.value.to_value() == b.value.to_value()
        };
        self.name == other.name
            && ours.measurements().len() == theirs.measurements().len()
            && ours.metadata_entries().len() == theirs.metadata_entries().len()
            && ours.measurements().zip(theirs.measurements()).all(same)
            && ours.metadata_entries().zip(theirs.metadata_entries()).all(same)
    }
}

impl fmt::Display for OwnedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_event().fmt(f)
    }
}

impl fmt::Debug for OwnedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_event().fmt(f)
    }
}
