use std::time::Duration;

use super::classify::OTHER;
use super::judge::Fault;
use super::observer::{OnChunk, observe};
use super::record::Record;
use crate::context::Node;
use crate::event::{Content, Event, Moment, Phase, Rare, Results, StreamTimes, Time};

/// What a span has seen of its chunks: measured and recorded, in constant memory. Used inside the span.
#[derive(Debug, Default)]
pub(crate) struct StreamStats {
    pub(super) times: StreamTimes,
    /// Since when the stream is waited for.
    pub(super) waiting_since: Option<Time>,
    pub(super) results: Rare<Results>,
    /// The first error.
    pub(super) fault: Option<Fault>,
    /// The observer panicked and is not called again.
    pub(super) blind: bool,
}

impl StreamStats {
    /// The stream is pending. The first of several pending polls counts.
    #[inline(never)]
    pub(crate) fn pending(&mut self, node: &Node) {
        if self.waiting_since.is_none() {
            self.waiting_since = Some(node.telemetry.now());
        }
    }

    /// The wait is over, if there was one: gives its length and the time.
    #[inline]
    pub(crate) fn came(&mut self, node: &Node) -> Option<(u64, Time)> {
        self.waiting_since.map(|since| self.waited(node, since))
    }

    /// Out of the way of the chunks that were not waited for.
    #[cold]
    fn waited(&mut self, node: &Node, since: Time) -> (u64, Time) {
        self.waiting_since = None;
        let now = node.telemetry.now();
        let wait = now.since(since);
        self.times.producer_wait = self.times.producer_wait.saturating_add(wait);
        self.times.longest_wait = self.times.longest_wait.max(wait);
        (wait, now)
    }

    /// A chunk came.
    #[inline]
    pub(crate) fn chunk<T: ?Sized, C: OnChunk<T>>(&mut self, node: &Node, chunk: &T, observer: &mut C) {
        let waited = self.came(node);
        self.times.chunk_count += 1;
        let mut content_free = false;
        if C::LOOKS && !self.blind {
            content_free = self.look(node, |record| observer.observe(chunk, record));
        }
        if self.times.time_to_first_chunk.is_none() && !content_free {
            self.first_chunk(node, waited.map(|(_, at)| at));
        }
        if node.states().is_some() {
            tell_chunk(node, waited.map_or(0, |(wait, _)| wait));
        }
    }

    /// The first chunk with content came, `at` this time if that was measured already.
    #[cold]
    fn first_chunk(&mut self, node: &Node, at: Option<Time>) {
        let Some(start) = node.start() else { return };
        let at = at.unwrap_or_else(|| node.telemetry.now());
        let time_to_first_chunk = at.since(start.monotonic_time);
        self.times.time_to_first_chunk = Some(time_to_first_chunk);
        let name = start.name.event(Phase::FirstChunk);
        let moment = Moment::FirstChunk { time_to_first_chunk, monotonic_time: at.0 };
        let event = Event::of_span(&name, start, moment);
        node.telemetry.emit(&event);
        if let Some(states) = node.states() {
            states.event(&node.telemetry, &event, true);
        }
    }

    /// An error came. The first is kept. A `Display`, or a closure, that panics leaves the class `_OTHER`.
    pub(crate) fn error(&mut self, node: &Node, describe: impl FnOnce(bool) -> Fault) {
        self.came(node);
        if self.fault.is_none() {
            self.fault = Some(describe_inside(node, describe));
        }
    }

    /// Lets an observer record; says whether it called the chunk free of content.
    #[inline]
    pub(super) fn look(&mut self, node: &Node, call: impl FnOnce(&mut Record<'_>)) -> bool {
        let Some(start) = node.start() else { return false };
        let mut record = Record::new(&mut self.results, &mut self.fault, node);
        let event = start.name.event(Phase::FirstChunk);
        let looked = observe(&node.telemetry, &event, "on_chunk", || call(&mut record));
        let content_free = record.content_free;
        self.blind = looked.is_none();
        content_free && !self.blind
    }
}

/// What to tell of an error, asked inside the span.
pub(super) fn describe_inside(node: &Node, describe: impl FnOnce(bool) -> Fault) -> Fault {
    let described = node.start().and_then(|start| {
        let event = start.name.event(Phase::Stop);
        let content = node.telemetry.content(&event);
        observe(&node.telemetry, &event, "error", || describe(content.intersects(Content::ERROR)))
    });
    described.unwrap_or(Fault { error_type: OTHER.into(), text: None })
}

/// Tells the listeners that ask of a chunk, `gap` nanoseconds after the stream began to wait for it.
#[cold]
fn tell_chunk(node: &Node, gap: u64) {
    if let Some(states) = node.states() {
        states.chunk(Duration::from_nanos(gap));
    }
}
