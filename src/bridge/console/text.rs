use std::fmt;
use std::time::Duration;

use crate::event::sanitize::sanitize;

/// Text for one line of a terminal: at most `max` characters, nothing that would move the cursor, change colours or
/// turn the direction of writing. What comes from a model may try.
pub(super) fn clean(text: &str, max: usize) -> String {
    let mut clean: String = text.chars().take(max).map(sanitize).collect();
    if text.chars().nth(max).is_some() {
        clean.pop();
        clean.push('…');
    }
    clean
}

/// A duration in at most seven characters: `85µs`, `310ms`, `1.1s`, `2m 05s`, `3h 07m`. Cut, not rounded.
pub(super) struct Time(pub(super) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let text = match self.0.as_nanos() {
            0..1_000_000 => format!("{}µs", self.0.as_micros()),
            1_000_000..1_000_000_000 => format!("{}ms", self.0.as_millis()),
            1_000_000_000..60_000_000_000 => format!("{seconds}.{}s", self.0.subsec_millis() / 100),
            60_000_000_000..3_600_000_000_000 => format!("{}m {:02}s", seconds / 60, seconds % 60),
            _ => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_short_and_never_too_long() {
        let cases =
            [(85_900, "85µs"), (999_999_999, "999ms"), (1_190_000_000, "1.1s"), (59_990_000_000, "59.9s")];
        for (nanoseconds, text) in cases {
            assert_eq!(Time(Duration::from_nanos(nanoseconds)).to_string(), text);
        }
        assert_eq!(Time(Duration::from_secs(125)).to_string(), "2m 05s");
        assert_eq!(Time(Duration::from_secs(11_220)).to_string(), "3h 07m");
    }

    #[test]
    fn no_text_moves_the_cursor() {
        assert_eq!(clean("a\x1b[2Jb\nc\u{202e}d", 20), "a\u{fffd}[2Jb c\u{fffd}d");
        assert_eq!(clean("abcdef", 4), "abc…");
        assert_eq!(clean("abcd", 4), "abcd");
    }
}
