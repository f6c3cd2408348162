//! The outcome of a span: how the wrapped code ended, whether a failure was recorded before, and whether the answer was
//! finished.

use std::panic::Location;

use crate::context::Node;
use crate::event::{Failure, Outcome};
use crate::registry::Caught;

/// How the wrapped code ended.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The future was ready, the stream returned `None`, or an `ActiveSpan` was completed.
    Completed,
    /// The consumer dropped the stream before its end.
    Dropped,
    /// The future was dropped before it was ready, or an `ActiveSpan` was cancelled or dropped.
    Cancelled,
    /// The code panicked.
    Panicked(Failure),
}

impl Exit {
    /// Creates the exit for a panic of the wrapped code.
    #[cold]
    pub(crate) fn panicked(node: &Node, caught: &Caught) -> Self {
        // Without a backtrace, the location of the span says more than the one in this crate where the panic was caught.
        let built_at = node.start().map_or(Location::caller(), |start| start.built_at);
        Self::Panicked(Failure {
            error_type: "panic".into(),
            text: Some(caught.message().to_owned().into()),
            stacktrace: Some(caught.stacktrace(|| format!("in a span created at {built_at}")).into()),
        })
    }

    /// Returns the outcome and the failure that the end event reports: panicked > error > cancelled, dropped > completed.
    ///
    /// `recorded` is the first error: an `Err` (see `observation.rs`), or an error recorded by an observer. Both have
    /// the same precedence, so which one it was is not stored.
    pub(super) fn outcome(self, recorded: Option<Failure>, finish: Finish) -> (Outcome, Option<Failure>) {
        match (self, recorded, finish) {
            (Self::Panicked(panic), _, _) => (Outcome::Panicked, Some(panic)),
            (_, Some(error), _) => (Outcome::Error, Some(error)),
            (Self::Cancelled, None, _) => (Outcome::Cancelled, None),
            // Of a finished answer, only a frame with usage or an end marker was left unread.
            (Self::Dropped, None, Finish::Seen) => (Outcome::Completed, None),
            (Self::Dropped, None, _) => (Outcome::Dropped, None),
            (Self::Completed, None, Finish::Missing) => (Outcome::Error, Some(truncated())),
            (Self::Completed, None, _) => (Outcome::Completed, None),
        }
    }
}

/// Whether the answer was finished, as far as its observer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// The observer has seen the finish.
    Seen,
    /// The observer is expected to see the finish, and has not.
    Missing,
    /// The observer has not seen a finish, and is not expected to.
    NotExpected,
}

/// The failure of a stream that returned `None` before its answer was finished.
fn truncated() -> Failure {
    Failure::new("stream_truncated", "the stream ended before its answer was finished")
}
