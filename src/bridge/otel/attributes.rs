use std::borrow::Cow;

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};

use crate::convention::Attribute;
use crate::convention::taker::Taker;

/// Attributes as OpenTelemetry takes them.
pub(super) struct KeyValues(pub(super) Vec<KeyValue>);

impl<'a> Taker<'a> for KeyValues {
    #[inline(always)]
    fn take(&mut self, key: &'static str, value: Attribute<'a>) {
        self.0.push(key_value(Key::from_static_str(key), value));
    }

    fn take_own(&mut self, key: Cow<'static, str>, value: Attribute<'a>) {
        self.0.push(key_value(key.into(), value));
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
