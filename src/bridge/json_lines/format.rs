use crate::convention::Policy;
use crate::event::{Entry, Event, Metadata, Number, Value, ValueRef};

/// Appends an event and a line feed.
pub(super) fn write_line(out: &mut Vec<u8>, event: &Event<'_>, policy: &Policy) {
    out.extend_from_slice(b"{\"event\":");
    text(out, event.name().as_str());
    out.extend_from_slice(b",\"measurements\":");
    object(out, event.measurements(), |out, entry: Entry<'_>| field(out, entry.key, entry.value));
    out.extend_from_slice(b",\"metadata\":");
    let leaving = event.metadata_entries().filter_map(|entry| Some((entry.key, policy.apply(&entry)?)));
    object(out, leaving, |out, (key, outgoing)| field(out, key, outgoing.value()));
    out.extend_from_slice(b"}\n");
}

fn value(out: &mut Vec<u8>, shown: ValueRef<'_>) {
    match shown {
        ValueRef::Null => out.extend_from_slice(b"null"),
        ValueRef::Bool(truth) => out.extend_from_slice(if truth { b"true" } else { b"false" }),
        ValueRef::Number(it) => number(out, it),
        ValueRef::Text(it) => text(out, it),
        ValueRef::SpanId(id) => text(out, &id.to_string()),
        ValueRef::Usage(usage) => object(out, usage.parts(), |out, (key, count)| match count {
            Some(count) => field(out, key, ValueRef::Number(count.into())),
            None => field(out, key, ValueRef::Null),
        }),
        ValueRef::List(values) => list(out, values),
        ValueRef::Map(values) => map(out, values),
    }
}

fn list(out: &mut Vec<u8>, values: &[Value]) {
    out.push(b'[');
    for (place, one) in values.iter().enumerate() {
        comma(out, place);
        value(out, one.as_value_ref());
    }
    out.push(b']');
}

fn map(out: &mut Vec<u8>, values: &Metadata) {
    object(out, values.iter(), |out, (key, one)| field(out, key, one.as_value_ref()));
}

fn object<T>(out: &mut Vec<u8>, entries: impl Iterator<Item = T>, write: impl Fn(&mut Vec<u8>, T)) {
    out.push(b'{');
    for (place, entry) in entries.enumerate() {
        comma(out, place);
        write(out, entry);
    }
    out.push(b'}');
}

fn field(out: &mut Vec<u8>, key: &str, shown: ValueRef<'_>) {
    text(out, key);
    out.push(b':');
    value(out, shown);
}

fn comma(out: &mut Vec<u8>, place: usize) {
    if place > 0 {
        out.push(b',');
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("text is JSON and a Vec takes it");
}

fn number(out: &mut Vec<u8>, number: Number) {
    match number {
        Number::Int(it) => serde_json::to_writer(out, &it),
        Number::UInt(it) => serde_json::to_writer(out, &it),
        // What is no number in JSON (NaN, infinity) becomes null.
        Number::Float(it) => serde_json::to_writer(out, &it),
    }
    .expect("numbers are JSON and a Vec takes them");
}
