use std::ops::{BitOr, BitOrAssign};

use super::span_name::SpanName;

/// Which content a handler or listener may see: prompts, replies, and the texts of errors.
///
/// Content that nobody may see is never produced: its closures are not called, and errors are not formatted.
///
/// # Examples
///
/// ```
/// use allm_telemetry::Content;
///
/// let texts = Content::INPUT | Content::OUTPUT;
/// assert!(texts.intersects(Content::OUTPUT) && !texts.intersects(Content::ERROR));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content(u8);

impl Content {
    /// None.
    pub const NONE: Self = Self(0);
    /// What was asked: `input`.
    pub const INPUT: Self = Self(1);
    /// What came back: `output`, and the result keys.
    pub const OUTPUT: Self = Self(1 << 1);
    /// The text of errors, panics and retries: `error`, `reason`.
    pub const ERROR: Self = Self(1 << 2);
    /// All.
    pub const ALL: Self = Self(0b111);

    /// Returns which content a key of the catalogue has. An exporter sends such a key as null until a policy allows it.
    pub(crate) fn of_key(key: &str) -> Self {
        match key {
            "input" => Self::INPUT,
            "output" => Self::OUTPUT,
            "error" | "reason" => Self::ERROR,
            // By the catalogue and not by a list, so that the result of a new span cannot leave by mistake.
            key if SpanName::ALL.iter().any(|span| span.row().result_key() == key) => Self::OUTPUT,
            _ => Self::NONE,
        }
    }

    /// Returns whether any field is in both sets.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Content {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Content {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}
