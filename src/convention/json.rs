//! Values as JSON text, for systems whose attributes have no structure.

use std::fmt::Write as _;

use crate::event::{Number, ValueRef};

pub(super) fn text_of(value: ValueRef<'_>) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

pub(super) fn write(out: &mut String, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => out.push_str("null"),
        ValueRef::Bool(truth) => out.push_str(if truth { "true" } else { "false" }),
        // There is no such number in JSON.
        ValueRef::Number(Number::Float(float)) if !float.is_finite() => out.push_str("null"),
        ValueRef::Number(Number::Float(float)) => display(out, format_args!("{float:?}")),
        ValueRef::Number(number) => display(out, format_args!("{number}")),
        ValueRef::Text(it) => text(out, it),
        ValueRef::SpanId(id) => text(out, &id.to_string()),
        ValueRef::Usage(usage) => {
            let counts = usage.parts().map(|(key, count)| {
                (key, count.map_or(ValueRef::Null, |count| ValueRef::Number(count.into())))
            });
            map(out, counts);
        }
        ValueRef::List(values) => {
            list(out, values, |out, value| write(out, value.as_value_ref()));
        }
        ValueRef::Map(values) => map(out, values.iter().map(|(key, value)| (key, value.as_value_ref()))),
    }
}

pub(super) fn texts<'t>(out: &mut String, texts_in_order: impl IntoIterator<Item = &'t str>) {
    list(out, texts_in_order, text);
}

pub(super) fn map<'m>(out: &mut String, entries: impl IntoIterator<Item = (&'m str, ValueRef<'m>)>) {
    out.push('{');
    for (place, (key, value)) in entries.into_iter().enumerate() {
        comma(out, place);
        text(out, key);
        out.push(':');
        write(out, value);
    }
    out.push('}');
}

pub(super) fn list<T>(out: &mut String, items: impl IntoIterator<Item = T>, write: impl Fn(&mut String, T)) {
    out.push('[');
    for (place, item) in items.into_iter().enumerate() {
        comma(out, place);
        write(out, item);
    }
    out.push(']');
}

pub(super) fn text(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{0}'..='\u{1f}' => display(out, format_args!("\\u{:04x}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out.push('"');
}

fn comma(out: &mut String, place: usize) {
    if place > 0 {
        out.push(',');
    }
}

fn display(out: &mut String, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("a String takes it");
}
