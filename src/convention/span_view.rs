use std::borrow::Cow;
use std::cell::OnceCell;

use super::attribute::{Attribute, key, texts};
use super::cardinality::{CardinalityLimiter, Dimension, OTHER};
use super::content::{self, Answer};
use super::name::Name;
use super::policy::{Outgoing, Policy};
use crate::event::{Entry, Outcome, Results, SpanEnd, SpanStart, StreamTimes, Usage, Value, ValueRef};

/// A span as rules and labels read it: its start, and its end if it has ended.
///
/// What depends on settings is decided here: content passes the [`Policy`], and values that users, models and vendors
/// choose pass the [`CardinalityLimiter`] where they become names and labels.
pub(super) struct SpanView<'a, 'c> {
    pub(super) start: &'a SpanStart,
    pub(super) end: Option<&'a SpanEnd>,
    pub(super) name: Name,
    /// The tokens, if this is the span that counts them.
    pub(super) usage: Option<&'a Usage>,
    limiter: &'c CardinalityLimiter,
    policy: &'c Policy,
    // The user's redactor is called once for each field, however many attributes are made of what it returns.
    input: OnceCell<Option<Outgoing<'a>>>,
    output: OnceCell<Option<Outgoing<'a>>>,
}

impl<'a, 'c> SpanView<'a, 'c> {
    pub(super) fn new(
        start: &'a SpanStart,
        end: Option<&'a SpanEnd>,
        name: Name,
        limiter: &'c CardinalityLimiter,
        policy: &'c Policy,
    ) -> Self {
        let usage = end.filter(|end| end.counts_usage).and_then(|end| end.results.usage.as_ref());
        let (input, output) = (OnceCell::new(), OnceCell::new());
        Self { start, end, name, usage, limiter, policy, input, output }
    }

    // The values of start keys, the span's own and the optional ones. The conventions demand their types: a value that
    // cannot have the type is left out.

    pub(super) fn text(&self, key: &str) -> Option<Attribute<'a>> {
        Attribute::text_of(self.start.keys.get(key)?)
    }

    pub(super) fn int(&self, key: &str) -> Option<Attribute<'a>> {
        let value = Attribute::of(self.start.keys.get(key)?.as_value_ref());
        value.filter(|value| matches!(value, Attribute::Int(_)))
    }

    pub(super) fn float(&self, key: &str) -> Option<Attribute<'a>> {
        self.start.keys.get(key)?.as_value_ref().as_f64().map(Attribute::Float)
    }

    pub(super) fn bool(&self, key: &str) -> Option<Attribute<'a>> {
        self.start.keys.get(key)?.as_value_ref().as_bool().map(Attribute::Bool)
    }

    /// A list of texts; a single text is a list of one.
    pub(super) fn texts(&self, key: &str) -> Option<Attribute<'a>> {
        match self.start.keys.get(key)? {
            Value::List(values) => Some(texts(values)),
            one => Some(Attribute::Texts(vec![one.as_value_ref().as_str()?.into()])),
        }
    }

    /// The provider, else the engine, else `_OTHER`: the conventions require a value.
    pub(super) fn provider(&self) -> Attribute<'a> {
        let provider = self.text("provider").or_else(|| key(&self.start.engine));
        provider.unwrap_or(Attribute::Literal(OTHER))
    }

    pub(super) fn results(&self) -> Option<&'a Results> {
        self.end.map(|end| &*end.results)
    }

    /// How a stream's time was spent, if the span wrapped a stream.
    pub(super) fn stream(&self) -> Option<&'a StreamTimes> {
        self.end?.stream.as_ref()
    }

    /// A measurement of the span's own row: 0 if nothing was recorded.
    pub(super) fn measurement(&self, key: &str) -> Option<Attribute<'a>> {
        let count = self.results()?.measurements.get(key).copied().unwrap_or(0.into());
        Attribute::of(ValueRef::Number(count))
    }

    /// The model that answered, else the one that was asked.
    pub(super) fn answering_model(&self) -> Option<Attribute<'a>> {
        let answered = self.results()?.response_model.as_ref();
        answered.or(self.start.model.as_ref()).map(Attribute::from)
    }

    /// The class of an error or a panic. No other end has one.
    pub(super) fn error_type(&self) -> Option<Cow<'a, str>> {
        let end = self.end.filter(|end| matches!(end.outcome, Outcome::Error | Outcome::Panicked))?;
        Some(self.limiter.limit(Dimension::ErrorType, end.error_type().unwrap_or(OTHER).into()))
    }

    /// A value for a name or a label.
    pub(super) fn limited(&self, dimension: Dimension) -> Option<Cow<'a, str>> {
        let value = match dimension {
            Dimension::Model => self.start.model.as_deref()?.into(),
            Dimension::ResponseModel => self.results()?.response_model.as_deref()?.into(),
            Dimension::Tool => self.text("tool_name")?.into_text(),
            Dimension::Agent => self.text("agent_name")?.into_text(),
            Dimension::DataSource => self.text("data_source")?.into_text(),
            Dimension::Provider => self.provider().into_text(),
            Dimension::ErrorType => return self.error_type(),
        };
        Some(self.limiter.limit(dimension, value))
    }

    /// The value of a key of the user's own, whether it was set at the start or recorded later.
    pub(super) fn user_value(&self, key: &str) -> Option<ValueRef<'a>> {
        let recorded = self.results().and_then(|results| results.metadata.get(key));
        recorded.or_else(|| self.start.user.get(key)).map(Value::as_value_ref)
    }

    pub(super) fn input_text(&self) -> Option<Attribute<'a>> {
        self.input().map(content::text)
    }

    pub(super) fn input_mime_type(&self) -> Option<Attribute<'a>> {
        self.input().map(content::mime_type)
    }

    pub(super) fn input_messages(&self) -> Option<Attribute<'a>> {
        self.input().map(|input| content::messages(input, None))
    }

    pub(super) fn output_text(&self) -> Option<Attribute<'a>> {
        self.output().map(content::text)
    }

    pub(super) fn output_mime_type(&self) -> Option<Attribute<'a>> {
        self.output().map(content::mime_type)
    }

    pub(super) fn output_messages(&self) -> Option<Attribute<'a>> {
        let finish_reasons = self.results()?.finish_reasons.as_deref();
        let answer = Answer { finish_reasons, outcome: self.end?.outcome };
        self.output().map(|output| content::messages(output, Some(&answer)))
    }

    fn input(&self) -> Option<&Outgoing<'a>> {
        let input = || self.outgoing("input", self.start.input.as_ref()?);
        self.input.get_or_init(input).as_ref()
    }

    /// What the observers recorded, else the span's own result. A stream has no result of its own.
    fn output(&self) -> Option<&Outgoing<'a>> {
        let output = || {
            let results = self.results()?;
            match &results.output {
                Some(output) if *output != Value::Null => self.outgoing("output", output),
                _ if self.stream().is_some() => None,
                _ => self.outgoing(self.start.name.row().result_key(), &results.value),
            }
        };
        self.output.get_or_init(output).as_ref()
    }

    fn outgoing(&self, key: &'static str, value: &'a Value) -> Option<Outgoing<'a>> {
        let outgoing = self.policy.apply(&Entry::standard(key, value.as_value_ref()))?;
        (!outgoing.value().is_null()).then_some(outgoing)
    }
}
