//! The one state machine of a span, used by every wrapper and by `ActiveSpan`.
//!
//! A span is *pending* until the first poll (or from the start, for a stream), when it finds out where it belongs and
//! whether it is observed there. *Unobserved*, it carries its context and is silent. *Observed*, it has emitted its start
//! and owes exactly one end; whoever takes it out of the state machine emits that end.

use std::mem;

use super::active::Active;
use super::end::end;
use super::exit::Exit;
use super::observe::Observer;
use super::pending::{PendingSpan, Started};
use super::recording::Recording;
use crate::context::{Context, Node};
use crate::event::SpanStart;

/// Where a span stands.
pub(crate) enum Lifecycle {
    /// Built and not started. Nothing ran, nothing was emitted.
    Pending(PendingSpan),
    /// No handler or listener observes it: it carries its context and emits nothing.
    Unobserved(Context),
    /// Started; its end is owed.
    Observed(Observed),
    /// Ended.
    Ended,
}

/// An observed span that has started.
pub(crate) struct Observed {
    pub(crate) active: Active,
    /// `None` for a future, which records nothing before its end.
    pub(crate) recording: Option<Box<Recording>>,
}

impl Lifecycle {
    /// Starts the span if it is pending. `record` makes what it keeps if it is observed.
    #[inline]
    pub(crate) fn start<O: Observer>(
        &mut self,
        observer: &mut O,
        record: impl FnOnce(&Active) -> Option<Box<Recording>>,
    ) {
        if let Self::Pending(pending) = self {
            *self = match pending.start(observer) {
                Started::Unobserved(context) => Self::Unobserved(context),
                Started::Observed(active) => Self::Observed(Observed { recording: record(&active), active }),
            };
        }
    }

    #[inline]
    pub(crate) fn take(&mut self) -> Self {
        mem::replace(self, Self::Ended)
    }

    /// Runs our own code inside an observed span that keeps a recording.
    #[inline]
    pub(super) fn record(&mut self, work: impl FnOnce(&Node, &mut Recording)) {
        if let Self::Observed(Observed { active, recording: Some(recording) }) = self {
            active.enter(|node| work(node, recording));
        }
    }
}

impl Observed {
    pub(super) fn start(&self) -> &SpanStart {
        self.active.start()
    }

    /// Ends the span from outside of it.
    pub(crate) fn end<O: Observer>(self, exit: Exit, observer: &mut O) {
        let Self { mut active, recording } = self;
        let mut recording = recording.unwrap_or_default();
        active.enter(|node| end(node, &mut recording, exit, observer, None));
    }
}
