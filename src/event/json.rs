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
        ValueRef::Number(number) => display(out, format_args!("{number}")),
        ValueRef::Text(it) => text(out, it),
        ValueRef::SpanId(id) => display(out, format_args!("\"{id}\"")),
        ValueRef::Usage(usage) => object(out, ValueRef::of_usage(usage), |value| value),
        ValueRef::List(values) => list(out, values, |out, item| self::value(out, item.as_value_ref())),
        ValueRef::Map(values) => object(out, values.iter(), |value| value.as_value_ref()),
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

fn object<'k, 'v, T>(
    out: &mut String,
    entries: impl IntoIterator<Item = (&'k str, T)>,
    value: impl Fn(T) -> ValueRef<'v>,
) {
    let mut object = Object::begin(out);
    entries.into_iter().for_each(|(key, it)| object.field(key, value(it)));
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
    let mut rest = text;
    // Most text has nothing to escape, so it is copied in runs.
    while let Some(at) = rest.bytes().position(may_begin_escaped) {
        let (run, tail) = rest.split_at(at);
        out.push_str(run);
        let mut letters = tail.chars();
        match letters.next() {
            Some(letter) if is_escaped(letter) => escape(out, letter),
            other => out.extend(other),
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Whether the first byte of a character allows that [`is_escaped`] holds for it. Bytes are searched several times as fast as
/// characters.
fn may_begin_escaped(byte: u8) -> bool {
    // U+0085 is C2 85, U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
    matches!(byte, b'"' | b'\\' | 0..=0x1f | 0xc2 | 0xe2)
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

fn display(out: &mut String, what: fmt::Arguments<'_>) {
    // Writing to a `String` does not fail.
    let _ = out.write_fmt(what);
}
