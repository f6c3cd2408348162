use std::borrow::Cow;
use std::fmt;

use super::policy::Outgoing;
use super::reading::seconds;
use crate::event::{Key, Number, Value, ValueRef, json};

/// A value as tracing systems take it.
// A tag as wide as a word: with one of a byte the rest is moved as bytes that lie across words, and such a copy waits for
// the stores before it, 10 ns each time.
#[repr(u64)]
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Attribute<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// Text that is a literal, so that who keeps it need not copy it.
    Literal(&'static str),
    /// An integer; one that is too large is cut to the largest.
    Int(i64),
    /// A float. Times are in seconds.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Texts in order.
    Texts(Vec<Cow<'a, str>>),
}

impl<'a> Attribute<'a> {
    /// A count, such as of tokens.
    pub(super) fn count(count: u64) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    pub(super) fn text(text: &'a str) -> Self {
        Self::Text(text.into())
    }

    /// Text of a key's type: what names things is a literal more often than not.
    pub(super) fn key(text: &'a Key) -> Self {
        match text {
            Cow::Borrowed(literal) => Self::Literal(literal),
            Cow::Owned(text) => Self::text(text),
        }
    }

    pub(super) fn seconds(nanoseconds: u64) -> Self {
        Self::Float(seconds(nanoseconds))
    }

    /// What a policy has let out.
    pub(super) fn leaving(outgoing: Outgoing<'a>) -> Option<Self> {
        match outgoing {
            Outgoing::AsIs(value) => Self::of(value),
            Outgoing::Redacted(Value::Text(text)) => Some(Self::Text(text)),
            Outgoing::Redacted(other) => Some(Self::Text(other.into_text()?)),
        }
    }

    /// A value of the user's: lists of texts stay lists, every other structure becomes JSON.
    pub(super) fn of(value: ValueRef<'a>) -> Option<Self> {
        Some(match value {
            ValueRef::Null => return None,
            ValueRef::Bool(value) => Self::Bool(value),
            ValueRef::Number(Number::Float(value)) => Self::Float(value),
            ValueRef::Number(Number::Int(value)) => Self::Int(value),
            ValueRef::Number(Number::UInt(value)) => Self::count(value),
            ValueRef::Text(text) => Self::text(text),
            ValueRef::List(values) => {
                let texts = values.iter().map(as_text).collect::<Option<Vec<_>>>();
                texts.map_or_else(|| Self::Text(value.to_string().into()), Self::Texts)
            }
            ValueRef::SpanId(_) | ValueRef::Usage(_) | ValueRef::Map(_) => {
                Self::Text(value.to_string().into())
            }
        })
    }
}

fn as_text(value: &Value) -> Option<Cow<'_, str>> {
    value.as_value_ref().as_str().map(Cow::Borrowed)
}

/// As text; several texts as a list in JSON.
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
