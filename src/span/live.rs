use std::any::Any;

use super::active::{Active, Ending};
use super::judge::Fault;
use super::observer::{OnChunk, OnStop};
use super::record::Record;
use crate::event::{Content, Phase, Results, StreamTimes, Time};
use crate::registry::Caught;

/// An observed span that sees chunks: what it has measured and recorded so far. Constant memory.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) active: Active,
    times: StreamTimes,
    /// Since when the stream is waited for.
    waiting_since: Option<Time>,
    results: Results,
    fault: Option<Fault>,
    content: Content,
    /// The chunk observer panicked and is not called again.
    blind: bool,
}

impl Live {
    pub(crate) fn new(active: Active) -> Self {
        let content = active.content() | active.content_of_exceptions();
        Self {
            active,
            times: StreamTimes::default(),
            waiting_since: None,
            results: Results::default(),
            fault: None,
            content,
            blind: false,
        }
    }

    /// The span started with the request: all the time until the stream is there is a wait.
    pub(crate) fn waiting_from_start(mut self) -> Self {
        self.waiting_since = Some(self.active.start().monotonic_time);
        self
    }

    /// The stream is pending. The first of several pending polls counts.
    #[inline]
    pub(crate) fn pending(&mut self) {
        if self.waiting_since.is_none() {
            self.waiting_since = Some(self.active.now());
        }
    }

    /// The wait is over, if there was one: gives its length and the time.
    #[inline]
    pub(crate) fn came(&mut self) -> Option<(u64, Time)> {
        let since = self.waiting_since.take()?;
        let now = self.active.now();
        let wait = now.since(since);
        self.times.producer_wait = self.times.producer_wait.saturating_add(wait);
        self.times.longest_wait = self.times.longest_wait.max(wait);
        Some((wait, now))
    }

    /// A chunk came.
    #[inline]
    pub(crate) fn chunk<T: ?Sized, C: OnChunk<T>>(&mut self, chunk: &T, observer: &mut C) {
        let waited = self.came();
        self.times.chunk_count += 1;
        let mut content_free = false;
        if C::LOOKS && !self.blind {
            content_free = self.look(|record| observer.observe(chunk, record));
        }
        if self.times.time_to_first_chunk.is_none() && !content_free {
            self.first_chunk(waited.map(|(_, at)| at));
        }
        self.active.chunk(waited.map_or(0, |(wait, _)| wait));
    }

    #[cold]
    fn first_chunk(&mut self, at: Option<Time>) {
        let at = at.unwrap_or_else(|| self.active.now());
        self.times.time_to_first_chunk = Some(at.since(self.active.start().monotonic_time));
        self.active.first_chunk(at);
    }

    /// An error came as an item. The first is kept.
    pub(crate) fn error(&mut self, describe: impl FnOnce(bool) -> Fault) {
        self.came();
        if self.fault.is_none() {
            // Asked anew: somebody may have come since the start.
            let content = self.content | self.active.content();
            self.fault = Some(self.active.describe(content, describe));
        }
    }

    /// Lets an observer record; says whether it called the chunk free of content.
    #[inline]
    pub(crate) fn look(&mut self, call: impl FnOnce(&mut Record<'_>)) -> bool {
        let Self { active, results, fault, content, .. } = self;
        let mut record = Record::new(results, fault, *content);
        match active.observe(Phase::FirstChunk, "on_chunk", || call(&mut record)) {
            Some(()) => record.content_free,
            None => {
                self.blind = true;
                false
            }
        }
    }

    /// Ends the span when its stream has ended, or was dropped.
    pub(crate) fn stop<S: OnStop<()>>(mut self, dropped: bool, observer: Option<S>) {
        self.came();
        if let Some(observer) = observer {
            let Self { active, results, fault, .. } = &mut self;
            let mut record = Record::new(results, fault, active.content());
            active.observe(Phase::Stop, "on_stop", || observer.observe(&(), &mut record));
        }
        let fault = self.fault.take();
        let ending = if dropped { Ending::dropped(fault) } else { Ending::of(fault) };
        self.finish(ending, None);
    }

    /// Ends the span after a panic.
    pub(crate) fn panicked(self, caught: &Caught) {
        let ending = self.active.panicked(caught);
        self.finish(ending, None);
    }

    /// Ends the span in another way.
    pub(crate) fn finish(mut self, ending: Ending, response: Option<&dyn Any>) {
        self.came();
        self.active.end(ending, Some(self.times), self.results, response);
    }

    /// Ends a span that was driven by hand. It has a stream's measurements if it saw chunks.
    pub(crate) fn finish_by_hand(mut self, ending: Ending) {
        self.came();
        let stream = self.saw_chunks().then_some(self.times);
        self.active.end(ending, stream, self.results, None);
    }

    pub(crate) fn saw_chunks(&self) -> bool {
        self.times.chunk_count > 0 || self.times.producer_wait > 0
    }

    pub(crate) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }
}
