use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use super::event_names::EventNameError;
use super::listener::MAX_LISTENERS;
use crate::event::ParseEventNameError;

/// The error returned when a handler, listener, subscription or sink cannot be attached.
///
/// `Debug` prints the same text as `Display`, for a `main` that returns it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// The id is in use. [`detach`](crate::detach) the handler with this id, or choose another id.
    AlreadyExists {
        /// The id.
        id: Arc<str>,
    },
    /// No event can have a name. The text is that of the error inside.
    InvalidEventName(EventNameError),
    /// [`MAX_LISTENERS`] listeners are already attached. Detach one of them.
    TooManyListeners,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyExists { id } => {
                write!(f, "a handler with the id {id:?} is already attached; detach it or choose another id")
            }
            Self::InvalidEventName(error) => error.fmt(f),
            Self::TooManyListeners => {
                write!(f, "the maximum of {MAX_LISTENERS} listeners is already attached; detach one")
            }
        }
    }
}

impl fmt::Debug for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for AttachError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The error inside is this one's text already: as a source it would be printed twice.
            Self::InvalidEventName(error) => error.source(),
            Self::AlreadyExists { .. } | Self::TooManyListeners => None,
        }
    }
}

impl From<ParseEventNameError> for AttachError {
    fn from(error: ParseEventNameError) -> Self {
        Self::InvalidEventName(error.into())
    }
}

impl From<Infallible> for AttachError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// The error returned when no handler or listener with the given id is attached.
///
/// `Debug` prints the same text as `Display`, for a `main` that returns it.
#[derive(Clone, PartialEq, Eq)]
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
        write!(
            f,
            "no handler with the id {:?} is attached; list_handlers(\"\") lists those that are",
            self.id
        )
    }
}

impl fmt::Debug for DetachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for DetachError {}
