//! What is recorded on an observed span until its end: results, the first error, and what a stream measures.

use std::mem;
use std::time::Duration;

use crate::context::Node;
use crate::event::{ChunkKinds, Event, Failure, LazyResults, Phase, PhaseData, SpanStart, StreamTimes, Time};
use crate::registry::Chunk;

/// The recorded data. Its size does not grow with the number of stream items, apart from output that user code appends.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(super) results: LazyResults,
    /// The first error.
    pub(super) failure: Option<Failure>,
    /// Whether the observer has seen the finish of the answer.
    pub(super) finished: bool,
    /// Whether usage was recorded with the finish or after it, so that it is that of the whole answer.
    pub(super) usage_is_final: bool,
    /// Set if the span wraps a stream, or if chunks were recorded on an `ActiveSpan`.
    pub(super) stream: Option<StreamStats>,
    /// A bit for each `observe` closure, by index, which is set once the closure has panicked. From the 32nd on, closures
    /// share the last bit.
    pub(super) panicked_observers: u32,
}

/// What observers say about a chunk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ChunkMarks {
    pub(super) content_free: bool,
    pub(super) kinds: ChunkKinds,
}

#[derive(Debug, Default)]
pub(super) struct StreamStats {
    pub(super) times: StreamTimes,
    /// The time at which the consumer began to wait for the next item.
    waiting_since: Option<Time>,
    /// For how long the consumer has waited since the last chunk with content, in nanoseconds. A content-free chunk suspends
    /// a wait, and does not end it.
    gap: u64,
    /// The kinds of the chunks so far.
    kinds: ChunkKinds,
    /// Whether the enclosing spans are marked content-free, because the latest chunk was content-free.
    marks_enclosing: bool,
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
        stats.unmark_enclosing(node);
        if stats.waiting_since.is_none() {
            stats.waiting_since = Some(node.telemetry.now());
        }
    }

    /// Stops the clock of the wait, if it runs, and returns when it stopped. The wait continues with the next
    /// [`begin_wait`](Self::begin_wait) if the item turns out to be content-free.
    #[inline]
    pub(crate) fn suspend_wait(&mut self, node: &Node) -> Option<Time> {
        let stats = self.stream.as_mut()?;
        stats.unmark_enclosing(node);
        let since = stats.waiting_since.take()?;
        let now = node.telemetry.now();
        let nanos = now.since(since);
        stats.gap = stats.gap.saturating_add(nanos);
        stats.times.producer_wait = stats.times.producer_wait.saturating_add(nanos);
        stats.times.longest_wait = stats.times.longest_wait.max(stats.gap);
        Some(now)
    }

    /// Ends the wait, if there is one. Called before the inner value is dropped, so that its drop is not measured as waiting.
    pub(crate) fn end_wait(&mut self, node: &Node) {
        self.suspend_wait(node);
        if let Some(stats) = &mut self.stream {
            stats.gap = 0;
        }
    }

    /// Counts a chunk, emits `first_chunk` if it is the first with content, and calls the listeners that follow chunks.
    /// `arrived_at` is known if the stream waited for the chunk.
    #[inline]
    pub(super) fn chunk(&mut self, node: &Node, arrived_at: Option<Time>, marks: ChunkMarks) {
        let stats = self.stream.get_or_insert_default();
        // Chunks without content are counted too.
        stats.times.chunk_count += 1;
        let gap = stats.gap;
        // A span that encloses the stream of a call usually has no observer that could recognize its pings.
        let content_free = node.take_content_free() || marks.content_free;
        if content_free {
            stats.mark_enclosing(node);
        } else {
            stats.gap = 0;
            let is_first = stats.times.time_to_first_chunk.is_none();
            let new_kinds = stats.kinds.add(marks.kinds);
            if is_first || !new_kinds.is_empty() {
                // After a wait the clock is not read again.
                let at = arrived_at.unwrap_or_else(|| node.telemetry.now());
                if is_first {
                    stats.times.time_to_first_chunk = first_chunk(node, at);
                }
                first_of_kinds(node, at, new_kinds, &mut self.results);
            }
        }
        if let Some(states) = node.states() {
            states.chunk(&Chunk { gap: Duration::from_nanos(gap), content_free });
        }
    }
}

impl StreamStats {
    /// Marks the enclosing spans until this stream is polled again or ends: an item that they return meanwhile is this
    /// content-free chunk, or was made from it.
    #[cold]
    fn mark_enclosing(&mut self, node: &Node) {
        self.marks_enclosing = true;
        node.set_enclosing_content_free(true);
    }

    #[inline]
    fn unmark_enclosing(&mut self, node: &Node) {
        if mem::take(&mut self.marks_enclosing) {
            node.set_enclosing_content_free(false);
        }
    }
}

/// Records the time to the first chunk of each of these kinds.
#[cold]
fn first_of_kinds(node: &Node, at: Time, kinds: ChunkKinds, results: &mut LazyResults) {
    let Some(start) = node.start() else { return };
    for kind in kinds.iter() {
        results.set_first_chunk_of(kind, at.since(start.monotonic_time));
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
