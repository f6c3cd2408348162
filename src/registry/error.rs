use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use super::listener::MAX_LISTENERS;
use crate::event::ParseEventNameError;

/// The error of attaching a handler, listener, subscription or sink. Nothing was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// The id is in use: [`detach`](crate::detach) what is attached under it, or choose another id.
    AlreadyExists {
        /// The id.
        id: Arc<str>,
    },
    /// A text is not an event name.
    InvalidEventName(ParseEventNameError),
    /// [`MAX_LISTENERS`] listeners are attached already: detach one of them.
    TooManyListeners,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyExists { id } => {
                write!(f, "a handler with the id {id:?} is attached already; detach it or choose another id")
            }
            // Its source says which, and what is wrong with it.
            Self::InvalidEventName(_) => f.write_str("an event name is invalid"),
            Self::TooManyListeners => {
                write!(f, "{MAX_LISTENERS} listeners are attached already, the most there can be; detach one")
            }
        }
    }
}

impl std::error::Error for AttachError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::InvalidEventName(error) => Some(error),
            Self::AlreadyExists { .. } | Self::TooManyListeners => None,
        }
    }
}

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
    /// Returns the id that was not found.
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
