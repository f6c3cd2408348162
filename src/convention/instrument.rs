use std::borrow::Cow;

use super::label::{LabelRule, MODEL, OPERATION, PROVIDER};
use super::span_view::SpanView;

/// A histogram or a counter.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Instrument {
    /// The name, as OpenTelemetry writes it.
    pub name: Cow<'static, str>,
    /// The unit, in [UCUM](https://ucum.org) as OpenTelemetry writes it: `s`, `{token}`.
    pub unit: Cow<'static, str>,
    /// What is measured.
    pub description: Cow<'static, str>,
    /// How its values are added up.
    pub kind: InstrumentKind,
    pub(super) measured: Measured,
    /// The spans that it is measured on.
    pub(super) spans: fn(&SpanView<'_, '_>) -> bool,
    pub(super) labels: Vec<LabelRule>,
}

/// How an instrument adds up its values.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InstrumentKind {
    /// Counts values in buckets with these upper bounds.
    Histogram(Cow<'static, [f64]>),
    /// Adds up whole numbers.
    Counter,
    /// Adds up numbers that may be fractions, such as money.
    FloatCounter,
}

impl Instrument {
    pub(super) fn histogram(name: &'static str, unit: &'static str, boundaries: &'static [f64]) -> Self {
        let kind = InstrumentKind::Histogram(Cow::Borrowed(boundaries));
        Self { kind, ..Self::counter(name, unit) }
    }

    pub(super) fn counter(name: &'static str, unit: &'static str) -> Self {
        Self {
            name: Cow::Borrowed(name),
            unit: Cow::Borrowed(unit),
            description: Cow::Borrowed(""),
            kind: InstrumentKind::Counter,
            measured: Measured::End(|_| None),
            spans: |_| true,
            labels: Vec::new(),
        }
    }

    /// An instrument for a measurement that the user records.
    pub(super) fn recorded(key: Cow<'static, str>, unit: Cow<'static, str>, kind: InstrumentKind) -> Self {
        let is_allowed = |it: char| it.is_ascii_alphanumeric() || "_.-/".contains(it);
        let name = if key.chars().all(is_allowed) {
            key.clone()
        } else {
            key.replace(|it| !is_allowed(it), "_").into()
        };
        Self {
            name,
            unit,
            description: Cow::Borrowed("A measurement of the application."),
            kind,
            measured: Measured::Recorded(key),
            spans: |_| true,
            labels: vec![OPERATION, PROVIDER, MODEL],
        }
    }

    /// Sets which value of which spans is measured.
    pub(super) fn of(self, spans: fn(&SpanView<'_, '_>) -> bool, measured: Measured) -> Self {
        Self { spans, measured, ..self }
    }

    pub(super) fn labels(self, labels: &[LabelRule]) -> Self {
        Self { labels: labels.to_vec(), ..self }
    }

    pub(super) fn description(self, description: &'static str) -> Self {
        Self { description: Cow::Borrowed(description), ..self }
    }

    /// Returns the upper bounds of a histogram's buckets. A counter has none.
    #[must_use]
    pub fn boundaries(&self) -> Option<&[f64]> {
        match &self.kind {
            InstrumentKind::Histogram(boundaries) => Some(boundaries),
            InstrumentKind::Counter | InstrumentKind::FloatCounter => None,
        }
    }

    /// Returns the name with the suffix that some metrics systems expect: `.seconds` for a time, `.total` for a counter.
    #[must_use]
    pub fn name_with_unit(&self) -> String {
        match (&self.kind, &*self.unit) {
            (InstrumentKind::Counter, _) => format!("{}.total", self.name),
            (InstrumentKind::Histogram(_), "s") => format!("{}.seconds", self.name),
            _ => self.name.clone().into_owned(),
        }
    }

    /// Returns the keys of the labels that it may have, without user-defined keys.
    pub fn label_keys(&self) -> impl Iterator<Item = &'static str> {
        self.labels.iter().map(|label| label.key)
    }
}

/// What an instrument measures, and when it is recorded.
#[derive(Clone, Debug)]
pub(super) enum Measured {
    /// At the end of a span, if it has such a value.
    End(fn(&SpanView<'_, '_>) -> Option<f64>),
    /// At the end of a span that reports its tokens: input and output separately, distinguished by a [label](super::label::TOKEN_TYPE).
    Tokens,
    /// At the end of a span with a measurement of this name, which the user records.
    Recorded(Cow<'static, str>),
    /// With each chunk after the first.
    ChunkGap,
    /// With each retry. Its labels are the provider and the error class, in this order.
    Retries,
}
