use std::borrow::Cow;
use std::cell::OnceCell;

use super::attribute::{Attribute, key, texts};
use super::cardinality::{CardinalityLimiter, Dimension, OTHER};
use super::content::{self, Answer};
use super::name::Name;
use super::policy::{Outgoing, Policy};
use crate::event::{Entry, Outcome, Results, SpanEnd, SpanStart, StreamTimes, Usage, Value, ValueRef};

/// A view of a span for rules and labels: its start, and its end if it has ended.
///
/// Settings are applied here. Content passes the [`Policy`]. Values that users, models and vendors choose pass the
/// [`CardinalityLimiter`] if they become names or labels.
pub(super) struct SpanView<'a, 'c> {
    pub(super) start: &'a SpanStart,
    pub(super) end: Option<&'a SpanEnd>,
    pub(super) name: Name,
    /// The tokens, if this is the span that reports them.
    pub(super) usage: Option<&'a Usage>,
    /// The cost in US dollars, if this is the span that reports it.
    pub(super) cost: Option<f64>,
    limiter: &'c CardinalityLimiter,
    policy: &'c Policy,
    // Cached, so that the redactor is called once for each field, even if several attributes use it.
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
        let cost = end.filter(|end| end.counts_cost).and_then(|end| end.results.cost_usd());
        let (input, output) = (OnceCell::new(), OnceCell::new());
        Self { start, end, name, usage, cost, limiter, policy, input, output }
    }

    // Readers of start keys. The conventions require a type, so a value of another type is omitted.

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

    /// Returns a list of texts. A single text is a list of one.
    pub(super) fn texts(&self, key: &str) -> Option<Attribute<'a>> {
        match self.start.keys.get(key)? {
            Value::List(values) => Some(texts(values)),
            one => Some(Attribute::Texts(vec![one.as_value_ref().as_str()?.into()])),
        }
    }

    /// Returns the provider, else the engine, else `_OTHER`, because the conventions require a value.
    pub(super) fn provider(&self) -> Attribute<'a> {
        let provider = self.text("provider").or_else(|| key(&self.start.engine));
        provider.unwrap_or(Attribute::Literal(OTHER))
    }

    pub(super) fn results(&self) -> Option<&'a Results> {
        self.end.map(|end| &*end.results)
    }

    /// Returns the usage for counts that are no tokens: a span without tokens reports its own.
    pub(super) fn usage_beside_tokens(&self) -> Option<&'a Usage> {
        self.usage.or_else(|| self.results()?.usage.as_ref().filter(|usage| !usage.has_tokens()))
    }

    /// Returns the measurements of a stream, if the span has them.
    pub(super) fn stream(&self) -> Option<&'a StreamTimes> {
        self.end?.stream.as_ref()
    }

    /// Returns a measurement that is specific to this kind of span. It is 0 if nothing was recorded.
    pub(super) fn measurement(&self, key: &str) -> Option<Attribute<'a>> {
        let count = self.results()?.measurements.get(key).copied().unwrap_or(0.into());
        Attribute::of(ValueRef::Number(count))
    }

    /// Returns an optional measurement of a time, if it was recorded.
    pub(super) fn seconds(&self, key: &str) -> Option<Attribute<'a>> {
        self.results()?.measurements.get(key)?.as_u64().map(Attribute::seconds)
    }

    /// Returns an optional result, if it was recorded.
    pub(super) fn optional(&self, key: &str) -> Option<Attribute<'a>> {
        Attribute::of(self.results()?.optional.get(key)?.as_value_ref())
    }

    /// Returns a measurement that the user recorded, if it can be added up.
    pub(super) fn recorded(&self, key: &str) -> Option<f64> {
        if key == "cost_usd" {
            // Several spans may have the cost of one call.
            return self.cost;
        }
        let value = ValueRef::Number(*self.results()?.measurements.get(key)?).as_f64()?;
        value.is_finite().then_some(value)
    }

    pub(super) fn requested_model(&self) -> Option<Attribute<'a>> {
        self.start.model.as_deref().map(Attribute::text)
    }

    /// Returns the model that answered, else the requested one.
    pub(super) fn answering_model(&self) -> Option<Attribute<'a>> {
        let answered = self.results()?.response_model.as_ref();
        answered.map(Attribute::from).or_else(|| self.requested_model())
    }

    /// Returns the class of an error or a panic. Other outcomes have none.
    pub(super) fn error_type(&self) -> Option<Cow<'a, str>> {
        let end = self.end.filter(|end| matches!(end.outcome, Outcome::Error | Outcome::Panicked))?;
        Some(self.limiter.limit(Dimension::ErrorType, end.error_type().unwrap_or(OTHER).into()))
    }

    /// Returns a value for a name or a label.
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

    /// Returns the value of a user-defined key. One that was recorded later replaces that of the start.
    pub(super) fn user_value(&self, key: &str) -> Option<ValueRef<'a>> {
        let recorded = self.results().and_then(|results| results.metadata.get(key));
        recorded.or_else(|| self.start.user_value(key)).map(Value::as_value_ref)
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
        let input = || self.outgoing("input", self.start.optional.input.as_ref()?);
        self.input.get_or_init(input).as_ref()
    }

    /// Returns the output that observers recorded, else the result of the span, which a stream does not have.
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
