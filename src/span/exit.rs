//! The outcome of a span: how the code it wraps was left, and whether it failed before.

use std::panic::Location;

use crate::context::Node;
use crate::event::{Failure, Outcome};
use crate::registry::Caught;

/// How the code inside a span was left.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The future was ready, the stream returned `None`, or the caller of an `ActiveSpan` said so.
    Completed,
    /// The consumer dropped the stream before its end.
    Dropped,
    /// The future was dropped before it was ready.
    Cancelled,
    /// It panicked while it was polled.
    Panicked(Failure),
}

impl Exit {
    /// The exit after a panic that was caught in the code inside a span.
    #[cold]
    pub(crate) fn panicked(node: &Node, caught: &Caught) -> Self {
        let built_at = node.start().map_or(Location::caller(), |start| start.built_at);
        Self::Panicked(Failure {
            error_type: "panic".into(),
            text: Some(caught.message().to_owned().into()),
            stacktrace: Some(caught.stacktrace(built_at).into()),
        })
    }

    /// Decides the outcome, and which failure the end reports: panicked > error > cancelled, dropped > completed.
    ///
    /// `recorded` is the first error that was recorded: an `Err` (seen in `observation.rs`), or what an observer called an
    /// error. Which of the two it was makes no difference, so it is not kept.
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
