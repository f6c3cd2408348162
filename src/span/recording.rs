//! What is recorded on an observed span until its end: results, the first error, and what a stream measures.

use std::time::Duration;

use crate::context::Node;
use crate::event::{Event, Failure, LazyResults, Phase, PhaseData, SpanStart, StreamTimes, Time};

/// In constant memory, apart from what the user's code records.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(super) results: LazyResults,
    /// The first error.
    pub(super) failure: Option<Failure>,
    /// Set when the span wraps a stream, or was driven as one by hand.
    pub(super) stream: Option<StreamStats>,
    /// One bit for each observer of values that has panicked, in the order in which they are called.
    pub(super) panicked: u32,
}

#[derive(Debug, Default)]
pub(super) struct StreamStats {
    pub(super) times: StreamTimes,
    /// Since when the consumer waits for the stream.
    waiting_since: Option<Time>,
}

/// A wait that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    nanos: u64,
    ended: Time,
}

impl Recording {
    /// For a span that wraps a stream.
    pub(crate) fn of_stream() -> Self {
        Self { stream: Some(StreamStats::default()), ..Self::default() }
    }

    /// For a span that starts before its stream exists: all the time until then is a wait.
    pub(crate) fn of_opening(start: &SpanStart) -> Self {
        let waiting_since = Some(start.monotonic_time);
        let stream = StreamStats { waiting_since, ..StreamStats::default() };
        Self { stream: Some(stream), ..Self::default() }
    }

    /// Whether it wraps a stream, waited for one or saw a chunk.
    pub(super) fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// A wait begins, unless one goes on: of several pending polls, the first counts.
    pub(crate) fn begin_wait(&mut self, node: &Node) {
        let stats = self.stream.get_or_insert_default();
        if stats.waiting_since.is_none() {
            stats.waiting_since = Some(node.telemetry.now());
        }
    }

    /// Ends the wait, if there was one. Called before what was waited for is dropped, because that takes its own time.
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
        stats.times.chunk_count += 1;
        if stats.times.time_to_first_chunk.is_none() && !content_free {
            // After a wait its end is the time of the chunk, and the clock is not read again.
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
