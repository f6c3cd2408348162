use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use super::listener::MAX_LISTENERS;
use crate::event::ParseEventNameError;

/// Why a handler or listener could not be attached. Nothing was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// Something is attached under this id: [`detach`](crate::detach) it, or take another id.
    AlreadyExists {
        /// The id.
        id: Arc<str>,
    },
    /// An event name is not one.
    InvalidEventName(ParseEventNameError),
    /// There are [`MAX_LISTENERS`] listeners already: detach one.
    TooManyListeners,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyExists { id } => {
                write!(f, "a handler with the id {id:?} is attached already; detach it or take another id")
            }
            Self::InvalidEventName(error) => error.fmt(f),
            Self::TooManyListeners => {
                write!(f, "{MAX_LISTENERS} listeners are attached already, the most there can be; detach one")
            }
        }
    }
}

impl std::error::Error for AttachError {}

impl From<ParseEventNameError> for AttachError {
    fn from(error: ParseEventNameError) -> Self {
        Self::InvalidEventName(error)
    }
}

impl From<Infallible> for AttachError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// The error of detaching: nothing is attached under this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachError {
    pub(super) id: Arc<str>,
}

impl DetachError {
    /// The id that was not found.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for DetachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no handler with the id {:?} is attached; list_handlers(\"\") shows which are", self.id)
    }
}

impl std::error::Error for DetachError {}
