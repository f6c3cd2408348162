use std::borrow::Cow;

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};

use crate::convention::Attribute;

// Inlined: an attribute is moved as few times as can be.
#[inline(always)]
pub(super) fn key_value(key: impl Into<Cow<'static, str>>, attribute: Attribute<'_>) -> KeyValue {
    let key = match key.into() {
        Cow::Borrowed(key) => Key::from_static_str(key),
        Cow::Owned(key) => Key::from(key),
    };
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
