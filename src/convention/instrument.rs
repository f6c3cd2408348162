use std::borrow::Cow;

use super::span_view::SpanView;

/// A histogram or a counter.
#[derive(Debug)]
#[non_exhaustive]
pub struct Instrument {
    /// The name, as OpenTelemetry writes it.
    pub name: &'static str,
    /// The unit, in [UCUM](https://ucum.org) as OpenTelemetry writes it: `s`, `{token}`.
    pub unit: &'static str,
    /// What is measured.
    pub description: &'static str,
    /// The upper bounds of a histogram's buckets. A counter has none.
    pub boundaries: Option<&'static [f64]>,
    pub(super) measured: Measured,
    pub(super) labels: &'static [LabelRule],
}

impl Instrument {
    /// Returns the name with the suffix that some metrics systems expect: `.seconds` for a time, `.total` for a counter.
    #[must_use]
    pub fn name_with_unit(&self) -> String {
        match (self.boundaries, self.unit) {
            (None, _) => format!("{}.total", self.name),
            (_, "s") => format!("{}.seconds", self.name),
            _ => self.name.to_owned(),
        }
    }

    /// Returns the keys of the labels that it may have, without user-defined keys.
    pub fn label_keys(&self) -> impl Iterator<Item = &'static str> {
        self.labels.iter().map(|label| label.key)
    }
}

/// What an instrument measures, and when it is recorded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Measured {
    /// At the end of a span, if it has such a value.
    End(fn(&SpanView<'_, '_>) -> Option<f64>),
    /// At the end of a span that reports its tokens: input and output separately, distinguished by a [label](TOKEN_TYPE).
    Tokens,
    /// With each chunk of a call after the first.
    ChunkGap,
    /// With each retry. Its labels are the provider and the error class, in this order.
    Retries,
}

/// A label: its key, and a function that reads its value. Values that users, models and vendors choose are limited.
#[derive(Clone, Copy, Debug)]
pub(super) struct LabelRule {
    pub(super) key: &'static str,
    pub(super) read: ReadLabel,
}

pub(super) type ReadLabel = for<'a> fn(&SpanView<'a, '_>) -> Option<Cow<'a, str>>;

/// The reader returns nothing, because a span has tokens of both types: `measure` adds the label.
pub(super) const TOKEN_TYPE: LabelRule = LabelRule { key: "gen_ai.token.type", read: |_| None };
