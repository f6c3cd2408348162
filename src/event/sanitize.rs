use std::fmt::{self, Write};

/// A character of text from outside, as it may be shown: one that breaks a line is a blank, one that commands a terminal or
/// turns the direction of text is shown as unknown.
pub(crate) fn sanitize(it: char) -> char {
    match it {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        it if it.is_control() => '\u{fffd}',
        it => it,
    }
}

/// Writes only what is [`sanitize`].
pub(crate) struct OneLine<W>(pub(crate) W);

impl<W: Write> Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|it| self.0.write_char(sanitize(it)))
    }
}
