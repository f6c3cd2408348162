use std::ops::{BitOr, BitOrAssign};
use std::sync::LazyLock;

use super::span_name::SpanName;

/// A set of content fields that a handler or listener may receive: prompts, replies, and the texts of errors.
///
/// Content that no handler or listener may receive is never produced: its closures are not called, and errors are not formatted.
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

/// The distinct keys of the spans' results. Taken from the catalogue rather than listed here, so that the result of a new span
/// cannot be exported by mistake.
static RESULT_KEYS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let mut keys: Vec<&str> = SpanName::ALL.iter().map(|span| span.row().result_key()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
});

impl Content {
    /// No content.
    pub const NONE: Self = Self(0);
    /// The prompt: `input`.
    pub const INPUT: Self = Self(1);
    /// The reply: `output`, and the result keys.
    pub const OUTPUT: Self = Self(1 << 1);
    /// The text of errors, panics and retries: `error`, `reason`.
    pub const ERROR: Self = Self(1 << 2);
    /// All content.
    pub const ALL: Self = Self(0b111);

    /// Returns the content field of a key of the catalogue. Exporters send such a key as null unless a policy allows it.
    pub(crate) fn of_key(key: &str) -> Self {
        match key {
            "input" => Self::INPUT,
            "output" => Self::OUTPUT,
            "error" | "reason" => Self::ERROR,
            key if RESULT_KEYS.contains(&key) => Self::OUTPUT,
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
