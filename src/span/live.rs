use std::any::Any;

use super::active::{Active, Ending};
use super::judge::Fault;
use super::observer::OnStop;
use super::record::Record;
use super::stream_stats::StreamStats;
use crate::event::Phase;
use crate::registry::Caught;

/// An observed span that sees chunks.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) active: Active,
    pub(crate) sight: StreamStats,
}

impl Live {
    pub(crate) fn new(active: Active) -> Self {
        Self { active, sight: StreamStats::default() }
    }

    /// The span started with the request: all the time until the stream is there is a wait.
    pub(crate) fn waiting_from_start(mut self) -> Self {
        self.sight.waiting_since = Some(self.active.start().monotonic_time);
        self
    }

    /// The stream is pending.
    pub(crate) fn pending(&mut self) {
        self.sight.pending(self.active.node());
    }

    /// The wait is over, if there was one. Said before what was waited for is dropped: that takes its own time.
    pub(crate) fn came(&mut self) {
        self.sight.came(self.active.node());
    }

    /// An error came in place of a stream.
    pub(crate) fn error(&mut self, describe: impl FnOnce(bool) -> Fault) {
        let Self { active, sight } = self;
        active.enter_quietly(|node| sight.error(node, describe));
    }

    /// Lets code that drives the span by hand record, unless it has panicked there before.
    pub(crate) fn look(&mut self, call: impl FnOnce(&mut Record<'_>)) {
        let Self { active, sight } = self;
        if !sight.blind {
            active.enter_quietly(|node| sight.look(node, call));
        }
    }

    /// Ends the span when its stream has ended, or was dropped.
    pub(crate) fn stop<S: OnStop<()>>(mut self, dropped: bool, observer: Option<S>) {
        self.came();
        if let Some(observer) = observer.filter(|_| S::LOOKS) {
            let Self { active, sight } = &mut self;
            active.observe(Phase::Stop, "on_stop", |node| {
                observer.observe(&(), &mut Record::new(&mut sight.results, &mut sight.fault, node));
            });
        }
        let fault = self.take_fault();
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
        self.active.end(ending, Some(self.sight.times), self.sight.results, response);
    }

    /// Ends a span that was driven by hand. It has a stream's measurements if it was driven as one.
    pub(crate) fn finish_by_hand(mut self, ending: Ending, is_stream: bool) {
        self.came();
        let stream = is_stream.then_some(self.sight.times);
        self.active.end(ending, stream, self.sight.results, None);
    }

    pub(crate) fn take_fault(&mut self) -> Option<Fault> {
        self.sight.fault.take()
    }
}
