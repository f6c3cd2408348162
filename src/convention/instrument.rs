use std::borrow::Cow;

use super::cardinality::{Bounded, CardinalityLimiter};
use super::reading::Reading;
use super::rule::{SpanKind, Subject, Tokens};
use crate::event::{SpanName, ValueRef};

/// What is measured of spans, for systems of metrics: one row of a table.
#[derive(Debug)]
#[non_exhaustive]
pub struct Instrument {
    /// The name, as OpenTelemetry writes it.
    pub name: &'static str,
    /// The unit, in [UCUM](https://ucum.org) as OpenTelemetry writes it: `s`, `{token}`.
    pub unit: &'static str,
    /// What it measures.
    pub description: &'static str,
    /// The upper bounds of a histogram's buckets. A counter has none.
    pub boundaries: Option<&'static [f64]>,
    pub(super) measured: Measured,
    pub(super) labels: &'static [LabelRule],
}

impl Instrument {
    /// The name with what some systems of metrics want at its end: `.seconds` for a time, `.total` for a counter.
    #[must_use]
    pub fn name_with_unit(&self) -> String {
        match (self.boundaries, self.unit) {
            (None, _) => format!("{}.total", self.name),
            (_, "s") => format!("{}.seconds", self.name),
            _ => self.name.to_owned(),
        }
    }

    /// The labels that it may have, beside those of your own.
    pub fn label_keys(&self) -> impl Iterator<Item = &'static str> {
        self.labels.iter().map(|rule| rule.key)
    }
}

/// What an instrument measures, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    /// How long the spans of an operation lasted.
    Duration(Spans),
    /// The tokens of a client's span, input and output apart.
    Tokens,
    FirstChunk,
    /// The wait for each chunk after the first.
    ChunkGap,
    Retries,
    /// Streams that their readers dropped.
    Dropped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spans {
    OfClients,
    Of(SpanName),
}

impl Spans {
    pub(super) fn have(self, name: SpanName, kind: SpanKind) -> bool {
        match self {
            Self::OfClients => kind == SpanKind::Client,
            Self::Of(one) => one == name,
        }
    }
}

/// Where a label's value comes from. All that come from users, models and vendors are bounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelRule {
    pub(super) key: &'static str,
    pub(super) source: LabelSource,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum LabelSource {
    Span,
    Operation,
    Provider,
    Model,
    ResponseModel,
    Agent,
    Tool,
    Outcome,
    ErrorType,
    TokenType,
    /// The class of error that a retry follows.
    RetriedError,
}

/// The labels of one measurement, and its value's kind of token.
pub(super) fn each_label<'a>(
    reading: &Reading<'a, '_>,
    guard: &CardinalityLimiter,
    rules: &[LabelRule],
    tokens: Option<Tokens>,
    each: &mut dyn FnMut(Cow<'static, str>, Cow<'a, str>),
) {
    for rule in rules {
        if let Some(value) = label(reading, guard, rule.source, tokens) {
            each(rule.key.into(), value);
        }
    }
    for (place, key) in guard.labels().enumerate() {
        match reading.of_the_user(key) {
            None | Some(ValueRef::Null) => {}
            Some(ValueRef::Text(text)) => each(key.clone(), guard.bound_label(place, text).into()),
            Some(other) => {
                let text = other.to_string();
                each(key.clone(), guard.bound_label(place, &text).to_owned().into());
            }
        }
    }
}

fn label<'a>(
    reading: &Reading<'a, '_>,
    guard: &CardinalityLimiter,
    source: LabelSource,
    tokens: Option<Tokens>,
) -> Option<Cow<'a, str>> {
    let start = reading.start;
    Some(match source {
        LabelSource::Span => start.name.as_str().into(),
        LabelSource::Operation => reading.named().operation.into(),
        LabelSource::Provider => bound_cow(guard, Bounded::Provider, reading.provider()),
        LabelSource::Model => guard.bound(Bounded::Model, start.model.as_deref()?).into(),
        LabelSource::ResponseModel => {
            let model = reading.end?.results.response_model.as_deref()?;
            guard.bound(Bounded::ResponseModel, model).into()
        }
        LabelSource::Agent => bound_cow(guard, Bounded::Agent, reading.subject(Subject::Agent)?),
        LabelSource::Tool => bound_cow(guard, Bounded::Tool, reading.subject(Subject::Tool)?),
        LabelSource::Outcome => reading.end?.outcome.as_str().into(),
        LabelSource::ErrorType => reading.error_type()?.into(),
        LabelSource::TokenType => match tokens? {
            Tokens::Input => "input".into(),
            _ => "output".into(),
        },
        LabelSource::RetriedError => return None,
    })
}

/// Without a copy, unless there was one.
pub(super) fn bound_cow<'a>(guard: &CardinalityLimiter, key: Bounded, value: Cow<'a, str>) -> Cow<'a, str> {
    match value {
        Cow::Borrowed(text) => guard.bound(key, text).into(),
        Cow::Owned(text) => guard.bound(key, &text).to_owned().into(),
    }
}
