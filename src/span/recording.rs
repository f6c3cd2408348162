//! What is recorded on an observed span until its end: results, the first error, and what a stream measures.

use std::time::Duration;

use crate::context::Node;
use crate::event::{Event, Failure, LazyResults, Phase, PhaseData, SpanStart, StreamTimes, Time};

/// The recorded data. Its size does not grow with the number of stream items, apart from output that user code appends.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(super) results: LazyResults,
    /// The first error.
    pub(super) failure: Option<Failure>,
    /// Set if the span wraps a stream, or if chunks were recorded on an `ActiveSpan`.
    pub(super) stream: Option<StreamStats>,
    /// A bit for each `observe` closure, by index, which is set once the closure has panicked. From the 32nd on, closures
    /// share the last bit.
    pub(super) panicked_observers: u32,
}

#[derive(Debug, Default)]
pub(super) struct StreamStats {
    pub(super) times: StreamTimes,
    /// The time at which the consumer began to wait for the next item.
    waiting_since: Option<Time>,
}

/// A wait that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    nanos: u64,
    ended: Time,
}

impl Recording {
    /// Creates the recording of a span that wraps a stream.
    pub(crate) fn of_stream() -> Self {
        Self { stream: Some(StreamStats::default()), ..Self::default() }
    }

    /// Creates the recording of a span that starts before its stream exists. The time until then is a wait.
    pub(crate) fn of_opening(start: &SpanStart) -> Self {
        let waiting_since = Some(start.monotonic_time);
        let stream = StreamStats { waiting_since, ..StreamStats::default() };
        Self { stream: Some(stream), ..Self::default() }
    }

    /// Returns whether the span has the measurements of a stream.
    pub(super) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Records the beginning of a wait. Further pending polls do not restart it.
    pub(crate) fn begin_wait(&mut self, node: &Node) {
        let stats = self.stream.get_or_insert_default();
        if stats.waiting_since.is_none() {
            stats.waiting_since = Some(node.telemetry.now());
        }
    }

    /// Ends the wait, if there is one. Called before the inner value is dropped, so that its drop is not measured as waiting.
    #[inline]
    pub(crate) fn end_wait(&mut self, node: &Node) -> Option<Wait> {
        let stats = self.stream.as_mut()?;
        let since = stats.waiting_since.take()?;
        let ended = node.telemetry.now();
        let nanos = ended.since(since);
        stats.times.producer_wait = stats.times.producer_wait.saturating_add(nanos);
        stats.times.longest_wait = stats.times.longest_wait.max(nanos);
        Some(Wait { nanos, ended })
    }

    /// Counts a chunk, emits `first_chunk` if it is the first with content, and calls the listeners that follow chunks.
    #[inline]
    pub(super) fn chunk(&mut self, node: &Node, wait: Option<Wait>, content_free: bool) {
        let stats = self.stream.get_or_insert_default();
        // Chunks without content are counted too.
        stats.times.chunk_count += 1;
        if stats.times.time_to_first_chunk.is_none() && !content_free {
            // After a wait the clock is not read again.
            let at = wait.map_or_else(|| node.telemetry.now(), |wait| wait.ended);
            stats.times.time_to_first_chunk = first_chunk(node, at);
        }
        if let Some(states) = node.states() {
            states.chunk(Duration::from_nanos(wait.map_or(0, |wait| wait.nanos)));
        }
    }
}

/// Emits `first_chunk`; returns the nanoseconds since the start.
#[cold]
fn first_chunk(node: &Node, at: Time) -> Option<u64> {
    let start = node.start()?;
    let time_to_first_chunk = at.since(start.monotonic_time);
    let name = start.name.event(Phase::FirstChunk);
    let event =
        Event::of_span(&name, start, PhaseData::FirstChunk { time_to_first_chunk, monotonic_time: at.0 });
    node.telemetry.emit(&event);
    if let Some(states) = node.states() {
        states.event(&node.telemetry, &event, true);
    }
    Some(time_to_first_chunk)
}
