//! The outcome of a span: how the wrapped code finished, and whether a failure was recorded before.

use std::panic::Location;

use crate::context::Node;
use crate::event::{Failure, Outcome};
use crate::registry::Caught;

/// How the wrapped code finished.
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
    pub(super) fn outcome(self, recorded: Option<Failure>) -> (Outcome, Option<Failure>) {
        match (self, recorded) {
            (Self::Panicked(panic), _) => (Outcome::Panicked, Some(panic)),
            (_, Some(error)) => (Outcome::Error, Some(error)),
            (Self::Cancelled, None) => (Outcome::Cancelled, None),
            (Self::Dropped, None) => (Outcome::Dropped, None),
            (Self::Completed, None) => (Outcome::Completed, None),
        }
    }
}
