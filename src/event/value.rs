use std::borrow::Cow;
use std::fmt;

use super::fields::{Key, Metadata};
use super::json;
use super::number::Number;
use super::request_id::RequestId;
use super::span_id::SpanId;
use super::usage::{TokenCount, Usage};

/// A value of an event's metadata, owned.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// No value: the key is present, its value is not known.
    #[default]
    Null,
    /// A Boolean.
    Bool(bool),
    /// An integer or a float.
    Number(Number),
    /// Text.
    Text(Cow<'static, str>),
    /// A list of values.
    List(Vec<Value>),
    /// A map of values by key.
    Map(Metadata),
}

impl Value {
    /// Returns the value, borrowed.
    #[must_use]
    pub fn as_value_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Bool(value) => ValueRef::Bool(*value),
            Self::Number(value) => ValueRef::Number(*value),
            Self::Text(value) => ValueRef::Text(value),
            Self::List(values) => ValueRef::List(values),
            Self::Map(values) => ValueRef::Map(values),
        }
    }

    /// Returns whether the value is neither null nor an empty text. Clients use both for what they do not know.
    pub(crate) fn is_given(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Text(text) => !text.is_empty(),
            _ => true,
        }
    }

    /// Converts the value to text, as [`ValueRef::to_text`] does.
    pub(crate) fn into_text(self) -> Option<Key> {
        match self {
            Self::Text(text) => Some(text),
            other => other.as_value_ref().to_text().map(|text| Key::Owned(text.into_owned())),
        }
    }

    /// Reads a map as returned by `Value::from(&Usage)`. `None` if the value is no map, or has no known count.
    pub(crate) fn to_usage(&self) -> Option<Usage> {
        let Self::Map(entries) = self else { return None };
        let entry = |key: &str| Some(entries.get(key)?.as_value_ref());
        let count = |key: &str| entry(key).and_then(|value| value.as_u64().or(value.as_f64().known()));
        let usage = Usage::from_counts(count)
            .tier(entry("service_tier").and_then(|tier| tier.as_str()).unwrap_or_default())
            .cost(entry("cost_usd").and_then(|usd| usd.as_f64()));
        let is_estimated = entry("estimated").and_then(|estimated| estimated.as_bool()) == Some(true);
        let usage = if is_estimated { usage.estimated() } else { usage };
        (!usage.is_empty()).then_some(usage)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_value_ref().fmt(f)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&'static str> for Value {
    fn from(value: &'static str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl From<Cow<'static, str>> for Value {
    fn from(value: Cow<'static, str>) -> Self {
        Self::Text(value)
    }
}

impl From<RequestId> for Value {
    fn from(value: RequestId) -> Self {
        value.as_str().to_owned().into()
    }
}

impl From<Metadata> for Value {
    fn from(value: Metadata) -> Self {
        Self::Map(value)
    }
}

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(values: Vec<V>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A map with the keys that events have. `input_tokens`, `output_tokens`, `cached_tokens`, `cache_write_tokens` and
/// `reasoning_tokens` are null if they are not known; the others are absent.
impl From<&Usage> for Value {
    fn from(usage: &Usage) -> Self {
        Self::Map(ValueRef::of_usage(usage).map(|(key, value)| (key, value.to_value())).collect())
    }
}

macro_rules! from_numbers {
    ($($number:ty),*) => {
        $(impl From<$number> for Value {
            fn from(value: $number) -> Self {
                Self::Number(value.into())
            }
        })*
    };
}
from_numbers!(Number, i8, i16, i32, i64, u8, u16, u32, u64, usize, f32, f64);

/// A value of an event, borrowed for as long as the event is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// No value: the key is present, its value is not known.
    Null,
    /// A Boolean.
    Bool(bool),
    /// An integer or a float.
    Number(Number),
    /// Text.
    Text(&'a str),
    /// The id of a span, displayed as 16 hex digits.
    SpanId(SpanId),
    /// The tokens used. As a map, it contains the known and the unknown counts.
    Usage(&'a Usage),
    /// A list of values.
    List(&'a [Value]),
    /// A map of values by key.
    Map(&'a Metadata),
}

impl<'a> ValueRef<'a> {
    pub(crate) fn optional<T>(value: Option<T>, some: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Null, some)
    }

    /// Returns the entries of a usage as a map.
    pub(super) fn of_usage(usage: &'a Usage) -> impl Iterator<Item = (&'static str, Self)> {
        let counts =
            usage.counts().map(|(key, count)| (key, Self::optional(count, |it| Self::Number(it.into()))));
        let tier = usage.service_tier().map(|tier| ("service_tier", Self::Text(tier)));
        let cost = usage.cost_usd().map(|usd| ("cost_usd", Self::Number(usd.into())));
        let estimated = usage.is_estimated().then_some(("estimated", Self::Bool(true)));
        counts.chain(tier).chain(cost).chain(estimated)
    }

    pub(crate) fn text(value: Option<&'a Cow<'static, str>>) -> Self {
        Self::optional(value, |text| Self::Text(text))
    }

    /// Returns whether the value is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the text, if the value is one. For a span id, use its [`Display`](fmt::Display) instead.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a text unchanged, and any other value as its [`Display`](fmt::Display) writes it. `None` if the value is null.
    pub(crate) fn to_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(Cow::Borrowed(text)),
            other => Some(Cow::Owned(other.to_string())),
        }
    }

    /// Returns the number as an unsigned integer, if the value is one.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// Returns the number as a float, if the value is a number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number.as_f64()),
            _ => None,
        }
    }

    /// Returns the Boolean, if the value is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns a copy that can be kept.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match *self {
            Self::Null => Value::Null,
            Self::Bool(value) => value.into(),
            Self::Number(value) => value.into(),
            Self::Text(value) => value.to_owned().into(),
            Self::SpanId(value) => value.to_string().into(),
            Self::Usage(value) => value.into(),
            Self::List(values) => Value::List(values.to_vec()),
            Self::Map(values) => Value::Map(values.clone()),
        }
    }
}

/// Writes text unchanged, and lists and maps as JSON.
impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
            Self::SpanId(value) => value.fmt(f),
            Self::Usage(usage) => usage.fmt(f),
            Self::List(_) | Self::Map(_) => {
                let mut text = String::new();
                json::value(&mut text, *self);
                f.write_str(&text)
            }
        }
    }
}
