//! What the model tells the real crate to do: the operations that mean something, each with its way to the span.

use crate::log::Key;
use crate::program::{Does, Events, Gives, Kind};

/// One step of a run.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Somebody does something: the task, the way from its root to the span, and what. The task 0 is the driver, and
    /// an empty way is the driver itself.
    Do {
        task: Key,
        path: Vec<Key>,
        act: Act,
    },
    /// A millisecond passes.
    Tick,
    /// Somewhere below this root a time limit has passed.
    Poke {
        task: Key,
        root: Key,
    },
    Abort {
        task: Key,
    },
}

/// Where the driver builds a span. Everybody else builds it in their own context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Own,
    /// Outside of everything.
    Nowhere,
    /// In [`LADEN`](crate::program::LADEN).
    Laden,
}

/// What is done inside a span, or by the driver.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Attach {
        handler: u8,
        to: Events,
        does: Does,
    },
    Detach {
        handler: u8,
    },
    /// `deadline` is in milliseconds since the program began.
    Build {
        key: Key,
        kind: Kind,
        deadline: Option<u64>,
        from: Origin,
    },
    Give(Gives),
    Drop(Key),
    Unwind(Key),
    Spawn {
        key: Key,
        context: bool,
    },
    /// Hands a span to whoever does the next [`Put`](Self::Put).
    Take(Key),
    Put,
    Look,
    Emit,
    Retry,
}

impl Step {
    /// Whether it concerns more than one task, so that all others have to be at rest: a retry may count on a span that
    /// another task is about to end.
    pub(crate) fn is_alone(&self) -> bool {
        match self {
            Self::Do { act, .. } => {
                use Act::{Attach, Detach, Put, Retry, Take};
                matches!(act, Attach { .. } | Detach { .. } | Take(_) | Put | Retry)
            }
            Self::Tick | Self::Poke { .. } | Self::Abort { .. } => true,
        }
    }
}
