use std::borrow::Cow;
use std::vec;

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};

use crate::convention::Attribute;
use crate::convention::taker::Taker;

/// Attributes as OpenTelemetry takes them.
pub(super) struct KeyValues(pub(super) Vec<KeyValue>);

impl<'a> Taker<'a> for KeyValues {
    #[inline(always)]
    fn take(&mut self, key: &'static str, value: Attribute<'a>) {
        let key = Key::from_static_str(key);
        // Where there is room it is written from registers: beside a call that may grow, and so may fail, it would be kept
        // in memory, in words, and copied from there in wider registers, which waits for the stores.
        if self.0.len() == self.0.capacity() {
            return self.grow(key, value);
        }
        match value {
            Attribute::Literal(text) => self.0.push(KeyValue::new(key, text)),
            Attribute::Int(value) => self.0.push(KeyValue::new(key, value)),
            other => self.0.push(key_value(key, other)),
        }
    }

    fn take_own(&mut self, key: Cow<'static, str>, value: Attribute<'a>) {
        self.0.push(key_value(key.into(), value));
    }
}

impl KeyValues {
    /// One by one, for a span.
    pub(super) fn into_each(self) -> impl Iterator<Item = KeyValue> {
        Each(self.0.into_iter())
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, key: Key, value: Attribute<'_>) {
        self.0.push(key_value(key, value));
    }
}

struct Each(vec::IntoIter<KeyValue>);

impl Iterator for Each {
    type Item = KeyValue;

    // Out of line, so that it is copied as a whole: where it is looked into as well, its first word is copied apart, and who
    // reads both together waits for the stores. A hundredth of a span.
    #[inline(never)]
    fn next(&mut self) -> Option<KeyValue> {
        self.0.next()
    }
}

#[inline(always)]
fn key_value(key: Key, attribute: Attribute<'_>) -> KeyValue {
    match attribute {
        Attribute::Literal(text) => KeyValue::new(key, text),
        Attribute::Text(text) => KeyValue::new(key, text.into_owned()),
        Attribute::Int(value) => KeyValue::new(key, value),
        Attribute::Float(value) => KeyValue::new(key, value),
        Attribute::Bool(value) => KeyValue::new(key, value),
        Attribute::Texts(texts) => KeyValue::new(key, list(texts)),
    }
}

fn list(texts: Vec<Cow<'_, str>>) -> Value {
    let texts = texts.into_iter().map(|text| StringValue::from(text.into_owned()));
    Value::Array(Array::String(texts.collect()))
}
