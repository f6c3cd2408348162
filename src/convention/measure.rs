//! What an event adds to the instruments.

use std::borrow::Cow;

use super::attribute::Attribute;
use super::cardinality::{Bounded, OTHER};
use super::instrument::{Instrument, LabelSource, Measured, bound_cow, each_label};
use super::mapping::Convention;
use super::reading::{Reading, seconds};
use super::rule::{SpanKind, Tokens};
use crate::event::{Event, EventName, Outcome, Phase, ValueRef};

/// A label of a measurement: its key, and its value as far as the number of values is bounded.
pub type Label<'a> = (Cow<'static, str>, Cow<'a, str>);

impl Convention {
    /// What the end of a span, or a retry, adds to the instruments: a value for a histogram, 1 for a counter.
    ///
    /// Tokens are added only by the span that [counts them](Event::counts_usage). The request id is never a label.
    pub fn measure<'a>(
        &self,
        event: &Event<'a>,
        each: &mut dyn FnMut(&'static Instrument, f64, &[Label<'a>]),
    ) {
        let Some(reading) = self.read(event) else { return self.measure_retry(event, each) };
        let Some(end) = reading.end else { return };
        let name = reading.start.name;
        let is_client = self.kind(name) == SpanKind::Client;
        let first_chunk = end.stream.as_ref().and_then(|times| times.time_to_first_chunk);
        for instrument in self.instruments() {
            let mut add = |value: f64, tokens: Option<Tokens>| {
                each(instrument, value, &self.labels_of(&reading, instrument, tokens));
            };
            match instrument.measured {
                Measured::Duration(spans) if spans.have(name, self.kind(name)) => {
                    add(seconds(end.duration), None);
                }
                Measured::Tokens if end.counts_usage => {
                    for part in [Tokens::Input, Tokens::Output] {
                        if let Some(count) = reading.tokens(part) {
                            add(count as f64, Some(part));
                        }
                    }
                }
                Measured::FirstChunk if is_client => {
                    first_chunk.into_iter().for_each(|time| add(seconds(time), None));
                }
                Measured::Dropped if end.outcome == Outcome::Dropped => add(1.0, None),
                _ => {}
            }
        }
    }

    /// Where the waits for a stream's chunks go, in seconds, and with which labels: asked with the first chunk's event,
    /// so that it costs nothing per chunk. `None` if the span is no call of a model.
    #[must_use]
    pub fn chunk_gaps<'a>(&self, event: &Event<'a>) -> Option<(&'static Instrument, Vec<Label<'a>>)> {
        let is_first_chunk = event.phase() == Some(Phase::FirstChunk);
        let reading = self.read(event).filter(|_| is_first_chunk)?;
        if self.kind(reading.start.name) != SpanKind::Client {
            return None;
        }
        let instrument = self.instruments().iter().find(|it| it.measured == Measured::ChunkGap)?;
        Some((instrument, self.labels_of(&reading, instrument, None)))
    }

    fn labels_of<'a>(
        &self,
        reading: &Reading<'a, '_>,
        instrument: &Instrument,
        tokens: Option<Tokens>,
    ) -> Vec<Label<'a>> {
        let mut labels = Vec::with_capacity(instrument.labels.len());
        each_label(reading, &self.guard, instrument.labels, tokens, &mut |key, value| {
            labels.push((key, value));
        });
        labels
    }

    fn measure_retry<'a>(
        &self,
        event: &Event<'a>,
        each: &mut dyn FnMut(&'static Instrument, f64, &[Label<'a>]),
    ) {
        if *event.name() != EventName::RETRY {
            return;
        }
        for instrument in self.instruments().iter().filter(|it| it.measured == Measured::Retries) {
            let labels = instrument.labels.iter().filter_map(|rule| {
                let value = match rule.source {
                    LabelSource::Provider => {
                        let provider = text(event, "provider").or_else(|| text(event, "engine"));
                        bound_cow(&self.guard, Bounded::Provider, provider.unwrap_or(OTHER.into()))
                    }
                    LabelSource::RetriedError => {
                        let class = text(event, "error_type").unwrap_or(OTHER.into());
                        bound_cow(&self.guard, Bounded::ErrorType, class)
                    }
                    _ => return None,
                };
                Some((Cow::Borrowed(rule.key), value))
            });
            each(instrument, 1.0, &labels.collect::<Vec<_>>());
        }
    }
}

fn text<'a>(event: &Event<'a>, key: &str) -> Option<Cow<'a, str>> {
    match event.metadata(key)? {
        ValueRef::Null => None,
        ValueRef::Text(text) => Some(text.into()),
        other => Attribute::of(other).map(|value| value.to_string().into()),
    }
}
