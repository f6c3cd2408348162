use std::borrow::Cow;
use std::fmt;

use crate::event::{Key, Number, Value, ValueRef, json};

/// The value of an attribute, in the types that tracing systems support.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Attribute<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// Text that is a literal, which an exporter can keep without a copy.
    Literal(&'static str),
    /// An integer. A larger value is replaced by the maximum.
    Int(i64),
    /// A float. Times are in seconds.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Texts in order.
    Texts(Vec<Cow<'a, str>>),
}

impl<'a> Attribute<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn seconds(nanoseconds: u64) -> Self {
        Self::Float(seconds(nanoseconds))
    }

    /// Converts a value of any type. A list of texts remains a list; every other structure becomes JSON.
    pub(super) fn of(value: ValueRef<'a>) -> Option<Self> {
        Some(match value {
            ValueRef::Bool(value) => Self::Bool(value),
            ValueRef::Number(Number::Float(value)) => Self::Float(value),
            ValueRef::Number(Number::Int(value)) => Self::Int(value),
            ValueRef::Number(Number::UInt(value)) => Self::Int(i64::try_from(value).unwrap_or(i64::MAX)),
            // Tracing systems have no lists of mixed types, and no maps.
            ValueRef::List(values) if values.iter().all(|it| matches!(it, Value::Text(_))) => texts(values),
            other => Self::Text(other.to_text()?),
        })
    }

    /// Converts a value to text. A literal is not copied.
    pub(super) fn text_of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.into()),
            other => other.as_value_ref().to_text().map(Self::Text),
        }
    }

    pub(super) fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text,
            Self::Literal(text) => text.into(),
            other => other.to_string().into(),
        }
    }
}

/// A text such as the name of a model, which is often a literal. One that has to be cut is not kept as such.
impl<'a> From<&'a Key> for Attribute<'a> {
    fn from(text: &'a Key) -> Self {
        match text {
            Cow::Borrowed(literal) if is_plain(literal, MAX_TEXT) => Self::Literal(literal),
            text => Self::text(&**text),
        }
    }
}

/// The largest size of an attribute that is not content, in bytes.
pub(super) const MAX_TEXT: usize = 1_024;

/// Returns whether a text can be exported as it is: it is short enough, and without NUL, which databases refuse.
#[inline]
pub(super) fn is_plain(text: &str, limit: usize) -> bool {
    text.len() <= limit && !text.as_bytes().contains(&0)
}

// Helpers for rules. An unknown value yields no attribute.

pub(super) fn literal<'a>(text: &'static str) -> Option<Attribute<'a>> {
    Some(Attribute::Literal(text))
}

pub(super) fn key(text: &Option<Key>) -> Option<Attribute<'_>> {
    text.as_ref().map(Attribute::from)
}

pub(super) fn count<'a>(count: Option<u64>) -> Option<Attribute<'a>> {
    Attribute::of(ValueRef::Number(count?.into()))
}

/// Converts the values to texts, without those that are null.
pub(super) fn texts(values: &[Value]) -> Attribute<'_> {
    Attribute::Texts(values.iter().filter_map(|value| value.as_value_ref().to_text()).collect())
}

pub(super) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// Writes the value as text, and a list of texts as JSON.
impl fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.pad(text),
            Self::Literal(text) => f.pad(text),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::Texts(texts) => {
                let mut list = String::new();
                json::list(&mut list, texts, |list, text| json::text(list, text));
                f.pad(&list)
            }
        }
    }
}
