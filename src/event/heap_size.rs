//! How much memory an event holds, so that queues can be bounded in bytes.
//!
//! Only what is allocated and can be large is counted: texts, lists and maps. A `&'static str` holds nothing. The sizes leave out
//! the allocator's own overhead.

use std::mem::size_of;

use super::end::{Failure, SpanEnd};
use super::fields::{Fields, Key};
use super::lazy_box::LazyBox;
use super::number::Number;
use super::results::Results;
use super::short_text::ShortText;
use super::start::{OptionalStart, SpanStart};
use super::value::Value;

/// Values that may own allocations.
pub(super) trait HeapSize {
    /// Returns roughly how many bytes the value has allocated.
    fn heap_size(&self) -> usize;
}

impl HeapSize for Key {
    #[inline]
    fn heap_size(&self) -> usize {
        match self {
            Self::Borrowed(_) => 0,
            Self::Owned(text) => text.capacity(),
        }
    }
}

impl HeapSize for ShortText {
    fn heap_size(&self) -> usize {
        match self {
            Self::Inline { .. } => 0,
            Self::Allocated(text) => text.len(),
        }
    }
}

impl HeapSize for Number {
    fn heap_size(&self) -> usize {
        0
    }
}

impl HeapSize for Value {
    fn heap_size(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 0,
            Self::Text(text) => text.heap_size(),
            Self::List(values) => values.heap_size(),
            Self::Map(values) => values.heap_size(),
        }
    }
}

impl<T: HeapSize> HeapSize for Option<T> {
    fn heap_size(&self) -> usize {
        self.as_ref().map_or(0, T::heap_size)
    }
}

impl<T: HeapSize> HeapSize for Vec<T> {
    fn heap_size(&self) -> usize {
        self.capacity() * size_of::<T>() + self.iter().map(T::heap_size).sum::<usize>()
    }
}

impl<V: HeapSize> HeapSize for Fields<V> {
    #[inline]
    fn heap_size(&self) -> usize {
        // Most are empty, and each event that is queued has several.
        if self.is_empty() { 0 } else { of_entries(self) }
    }
}

fn of_entries<V: HeapSize>(fields: &Fields<V>) -> usize {
    fields.entries().map(|(key, value)| size_of::<(Key, V)>() + key.heap_size() + value.heap_size()).sum()
}

impl HeapSize for SpanStart {
    fn heap_size(&self) -> usize {
        let Self { engine, model, keys, optional, inherited, .. } = self;
        // Counted for each event, although events share it: one of them may be the last that keeps it.
        let baggage = inherited.as_deref().map_or(0, |it| it.baggage.heap_size());
        engine.heap_size() + model.heap_size() + keys.heap_size() + optional.heap_size() + baggage
    }
}

impl HeapSize for OptionalStart {
    fn heap_size(&self) -> usize {
        let Self { user, input } = self;
        user.heap_size() + input.heap_size()
    }
}

impl HeapSize for SpanEnd {
    fn heap_size(&self) -> usize {
        self.failure.as_deref().map_or(0, |failure| size_of::<Failure>() + failure.heap_size())
            + self.results.heap_size()
    }
}

impl HeapSize for Failure {
    fn heap_size(&self) -> usize {
        let Self { error_type, text, stacktrace } = self;
        error_type.heap_size() + text.heap_size() + stacktrace.heap_size()
    }
}

impl<T: HeapSize> HeapSize for LazyBox<T> {
    fn heap_size(&self) -> usize {
        self.as_written().map_or(0, |value| size_of::<T>() + value.heap_size())
    }
}

impl HeapSize for Results {
    fn heap_size(&self) -> usize {
        let Self { response_model, response_id, finish_reasons, value, output, .. } = self;
        let Self { optional, measurements, metadata, .. } = self;
        response_model.heap_size()
            + response_id.heap_size()
            + finish_reasons.heap_size()
            + value.heap_size()
            + output.heap_size()
            + optional.heap_size()
            + measurements.heap_size()
            + metadata.heap_size()
    }
}
