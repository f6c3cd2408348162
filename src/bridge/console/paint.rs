use std::fmt;

use crate::event::Outcome;

/// Adds colours to text, if they are enabled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    colors: bool,
}

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

/// Text that is displayed in its colour.
#[derive(Debug)]
pub(super) struct Painted<T> {
    text: T,
    code: Option<&'static str>,
}

impl Paint {
    pub(super) fn new(colors: bool) -> Self {
        Self { colors }
    }

    pub(super) fn text<T: fmt::Display>(self, role: Role, text: T) -> Painted<T> {
        let code = if self.colors { role.code() } else { None };
        Painted { text, code }
    }
}

impl Role {
    /// The parameters of the terminal's escape sequence "select graphic rendition" (ECMA-48).
    fn code(self) -> Option<&'static str> {
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

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "\x1b[{code}m{}\x1b[0m", self.text),
            None => self.text.fmt(f),
        }
    }
}
