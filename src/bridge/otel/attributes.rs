use std::borrow::Cow;

use opentelemetry::{Array, KeyValue, StringValue, Value};

use crate::convention::Attribute;

pub(super) fn key_value(key: impl Into<Cow<'static, str>>, attribute: Attribute<'_>) -> KeyValue {
    KeyValue::new(key.into(), value(attribute))
}

fn value(attribute: Attribute<'_>) -> Value {
    match attribute {
        Attribute::Text(text) => Value::String(text.into_owned().into()),
        Attribute::Literal(text) => Value::String(text.into()),
        Attribute::Int(value) => Value::I64(value),
        Attribute::Float(value) => Value::F64(value),
        Attribute::Bool(value) => Value::Bool(value),
        Attribute::Texts(texts) => {
            let texts = texts.into_iter().map(|text| StringValue::from(text.into_owned()));
            Value::Array(Array::String(texts.collect()))
        }
    }
}
