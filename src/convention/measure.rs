//! Measurements: what an event adds to the instruments.

use std::borrow::Cow;

use super::cardinality::{Dimension, OTHER};
use super::convention::Convention;
use super::instrument::{Instrument, Measured};
use super::label::TOKEN_TYPE;
use super::span_view::SpanView;
use crate::event::{Event, EventName, Phase};

/// A label of a measurement: its key, and its value, of which there is a bounded number.
pub type Label<'a> = (Cow<'static, str>, Cow<'a, str>);

impl Convention {
    /// Calls `each` with everything that the end of a span, or a retry, adds to the instruments: a value for a histogram,
    /// 1 for a counter.
    ///
    /// Tokens are added only by the span that [reports them](Event::counts_usage). The request id is never a label.
    pub fn measure<'a>(&self, event: &Event<'a>, mut each: impl FnMut(&Instrument, f64, &[Label<'a>])) {
        let Some(span) = self.view(event) else { return self.measure_retry(event, &mut each) };
        if span.end.is_none() {
            return;
        }
        for instrument in self.instruments().iter().filter(|instrument| (instrument.spans)(&span)) {
            match &instrument.measured {
                Measured::End(read) => {
                    if let Some(value) = read(&span) {
                        each(instrument, value, &self.labels_of(&span, instrument, None));
                    }
                }
                Measured::Recorded(key) => {
                    // A counter only grows.
                    let fits = |value: &f64| *value >= 0.0 || instrument.boundaries().is_some();
                    if let Some(value) = span.recorded(key).filter(fits) {
                        each(instrument, value, &self.labels_of(&span, instrument, None));
                    }
                }
                Measured::Tokens => {
                    let Some(usage) = span.usage else { continue };
                    for (part, count) in [("input", usage.input_tokens()), ("output", usage.output_tokens())]
                    {
                        if let Some(count) = count {
                            each(instrument, count as f64, &self.labels_of(&span, instrument, Some(part)));
                        }
                    }
                }
                Measured::ChunkGap | Measured::Retries => {}
            }
        }
    }

    /// Returns the instrument and the labels for the waits between a stream's chunks, given the event of its first chunk.
    /// `None` if the span is not a call of a model.
    ///
    /// They are the same for every chunk of a stream, so an exporter stores them, and for a chunk only records its wait in
    /// seconds.
    #[must_use]
    pub fn chunk_gaps<'a>(&self, event: &Event<'a>) -> Option<(&Instrument, Vec<Label<'a>>)> {
        let span = self.view(event).filter(|_| event.phase() == Some(Phase::FirstChunk))?;
        let measures_gaps = |it: &&Instrument| matches!(it.measured, Measured::ChunkGap) && (it.spans)(&span);
        let instrument = self.instruments().iter().find(measures_gaps)?;
        Some((instrument, self.labels_of(&span, instrument, None)))
    }

    fn labels_of<'a>(
        &self,
        span: &SpanView<'a, '_>,
        instrument: &Instrument,
        token_type: Option<&'static str>,
    ) -> Vec<Label<'a>> {
        let mut labels: Vec<Label<'a>> = Vec::with_capacity(instrument.labels.len());
        labels
            .extend(instrument.labels.iter().filter_map(|rule| Some((rule.key.into(), (rule.read)(span)?))));
        labels.extend(token_type.map(|part| (TOKEN_TYPE.key.into(), part.into())));
        for (index, key) in self.limiter.labels().enumerate() {
            if let Some(value) = span.user_value(key).and_then(|value| value.to_text()) {
                labels.push((key.clone(), self.limiter.limit_label(index, value)));
            }
        }
        labels
    }

    fn measure_retry<'a>(&self, event: &Event<'a>, each: &mut dyn FnMut(&Instrument, f64, &[Label<'a>])) {
        if *event.name() != EventName::RETRY {
            return;
        }
        // A retry outside any span has no `SpanView`: the values are read from the event itself.
        let text = |key| event.metadata(key).and_then(|value| value.to_text());
        let provider = text("provider").or_else(|| text("engine"));
        let values = [(Dimension::Provider, provider), (Dimension::ErrorType, text("error_type"))];
        let values = values
            .map(|(dimension, value)| self.limiter.limit(dimension, value.unwrap_or_else(|| OTHER.into())));
        for instrument in self.instruments().iter().filter(|it| matches!(it.measured, Measured::Retries)) {
            let keys = instrument.label_keys().map(Cow::Borrowed);
            each(instrument, 1.0, &keys.zip(values.clone()).collect::<Vec<_>>());
        }
    }
}
