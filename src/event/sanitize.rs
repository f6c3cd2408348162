use std::fmt::{self, Write};

/// Replaces a character of untrusted text that is not safe to display: a line break by a space, and a character that controls a
/// terminal or the direction of text by U+FFFD.
pub(crate) fn sanitize(it: char) -> char {
    match it {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        it if it.is_control() => '\u{fffd}',
        it => it,
    }
}

/// A writer that [sanitizes](sanitize) what it writes.
pub(crate) struct OneLine<W>(pub(crate) W);

impl<W: Write> Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|it| self.0.write_char(sanitize(it)))
    }
}
