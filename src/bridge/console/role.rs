use crate::event::Outcome;

/// The meaning of a piece of text, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    /// The outermost span.
    Head,
    /// Rails, starts and ids.
    Faint,
    /// A retry or a loss.
    Notice,
    Ended(Outcome),
}

impl Role {
    /// The parameters of the terminal's escape sequence "select graphic rendition" (ECMA-48).
    pub(super) fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Head => Some("1"),
            Self::Faint => Some("2"),
            Self::Notice => Some("33"),
            Self::Ended(Outcome::Completed) => Some("32"),
            // Not errors: the caller stopped.
            Self::Ended(Outcome::Dropped | Outcome::Cancelled) => Some("36"),
            Self::Ended(Outcome::Error) => Some("31"),
            Self::Ended(Outcome::Panicked) => Some("1;31"),
        }
    }
}
