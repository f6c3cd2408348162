//! Writes values as JSON text, for JSON lines and for systems whose attributes have no structure.
//!
//! Each function appends to a `String`, which cannot fail. A float that JSON cannot represent (NaN, an infinity) is written as
//! `null`.

use std::fmt::{self, Write as _};

use super::number::Number;
use super::value::ValueRef;

/// Appends a value.
pub(crate) fn value(out: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.push_str("null"),
        ValueRef::Bool(truth) => out.push_str(if truth { "true" } else { "false" }),
        ValueRef::Number(Number::Float(float)) if !float.is_finite() => out.push_str("null"),
        // `Debug` writes a whole float with `.0`, so that a reader parses it as a float again.
        ValueRef::Number(Number::Float(float)) => display(out, format_args!("{float:?}")),
        ValueRef::Number(Number::Int(integer)) => {
            if integer < 0 {
                out.push('-');
            }
            digits(out, integer.unsigned_abs());
        }
        ValueRef::Number(Number::UInt(integer)) => digits(out, integer),
        ValueRef::Text(it) => text(out, it),
        ValueRef::SpanId(id) => {
            out.push('"');
            out.push_str(ascii(&id.hex_digits()));
            out.push('"');
        }
        ValueRef::Usage(usage) => object(out, ValueRef::of_usage(usage)),
        ValueRef::List(values) => list(out, values, |out, item| self::value(out, item.as_value_ref())),
        ValueRef::Map(values) => object(out, values.iter().map(|(key, value)| (key, value.as_value_ref()))),
    }
}

/// Appends an array; `write` appends each item.
pub(crate) fn list<T>(out: &mut String, items: impl IntoIterator<Item = T>, write: impl Fn(&mut String, T)) {
    out.push('[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

fn object<'k, 'v>(out: &mut String, entries: impl IntoIterator<Item = (&'k str, ValueRef<'v>)>) {
    let mut object = Object::begin(out);
    entries.into_iter().for_each(|(key, value)| object.field(key, value));
    object.end();
}

/// An object that is being appended. It is complete after [`end`](Self::end).
pub(crate) struct Object<'o> {
    out: &'o mut String,
    is_empty: bool,
}

impl<'o> Object<'o> {
    pub(crate) fn begin(out: &'o mut String) -> Self {
        out.push('{');
        Self { out, is_empty: true }
    }

    pub(crate) fn field(&mut self, key: &str, value: ValueRef<'_>) {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.out.push(',');
        }
        text(self.out, key);
        self.out.push(':');
        self::value(self.out, value);
    }

    pub(crate) fn end(self) {
        self.out.push('}');
    }
}

/// Appends a string in quotes.
pub(crate) fn text(out: &mut String, text: &str) {
    out.push('"');
    if is_plain(text.as_bytes()) {
        out.push_str(text);
    } else {
        escaped(out, text);
    }
    out.push('"');
}

/// Returns whether all bytes are printable ASCII but quotes and backslashes, as in most texts. Eight bytes are tested at once: a
/// line has some forty texts, and testing byte by byte took a quarter of the time of the whole line.
fn is_plain(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let is_plain = |word: &[u8; 8]| {
        let word = u64::from_ne_bytes(*word);
        // The subtraction sets the highest bit of a byte that is less than what is subtracted. It may also set that of a byte
        // beside such a byte, which makes no difference.
        let control = word.wrapping_sub(ONES * 0x20);
        let quote = (word ^ (ONES * u64::from(b'"'))).wrapping_sub(ONES);
        let backslash = (word ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
        (word | control | quote | backslash) & HIGH == 0
    };
    // The last word may overlap the one before it.
    match bytes.last_chunk() {
        Some(last) => bytes.as_chunks().0.iter().all(is_plain) && is_plain(last),
        None => bytes.iter().all(|byte| matches!(byte, b' '..=0x7f) && !matches!(byte, b'"' | b'\\')),
    }
}

fn escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(is_escaped) {
        let (run, tail) = rest.split_at(at);
        out.push_str(run);
        let mut tail = tail.chars();
        tail.next().into_iter().for_each(|letter| escape(out, letter));
        rest = tail.as_str();
    }
    out.push_str(rest);
}

/// JSON requires escapes for quotes, backslashes and control characters. The other three are line breaks in JavaScript or for
/// some line readers, which would read one line of JSON as two.
fn is_escaped(letter: char) -> bool {
    matches!(letter, '"' | '\\' | '\u{0}'..='\u{1f}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn escape(out: &mut String, letter: char) {
    match letter {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // All of them are in the basic multilingual plane, so four digits are enough.
        other => display(out, format_args!("\\u{:04x}", u32::from(other))),
    }
}

fn digits(out: &mut String, mut number: u64) {
    // `u64::MAX` has twenty digits.
    let mut text = [0; 20];
    let mut begin = text.len();
    loop {
        begin -= 1;
        text[begin] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push_str(ascii(&text[begin..]));
}

fn ascii(text: &[u8]) -> &str {
    str::from_utf8(text).expect("digits are ASCII")
}

fn display(out: &mut String, what: fmt::Arguments<'_>) {
    // Writing to a `String` does not fail.
    let _ = out.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_at_every_place_is_escaped_if_it_must_be_and_otherwise_copied() {
        let ascii = (0..=0x7f_u8).map(char::from);
        let others = ['\u{80}', '\u{85}', '\u{86}', 'é', '\u{2027}', '\u{2028}', '\u{2029}', '\u{202a}', '𝄞'];
        for letter in ascii.chain(others) {
            for length in 0..20 {
                for place in 0..=length {
                    let original = format!("{}{letter}{}", "x".repeat(place), "y".repeat(length - place));
                    let mut out = String::new();
                    text(&mut out, &original);
                    assert_eq!(serde_json::from_str::<String>(&out).unwrap(), original);
                    assert_eq!(out.len() > original.len() + 2, is_escaped(letter), "{out}");
                    assert!(!out[1..out.len() - 1].contains(|it| it != '"' && it != '\\' && is_escaped(it)));
                }
            }
        }
    }

    #[test]
    fn integers_have_their_digits() {
        for (number, expected) in [(0, "0"), (7, "7"), (10, "10"), (u64::MAX, "18446744073709551615")] {
            let mut out = String::new();
            value(&mut out, ValueRef::Number(number.into()));
            assert_eq!(out, expected);
        }
        let mut out = String::new();
        value(&mut out, ValueRef::Number(i64::MIN.into()));
        assert_eq!(out, "-9223372036854775808");
    }
}
