use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::metrics::{Counter, Histogram, Meter, MeterProvider};
use opentelemetry::{KeyValue, global};

use super::tracer::scope;
use crate::convention::{Convention, Instrument, InstrumentKind, Label};
use crate::event::Event;

/// The instruments of a convention, created by a meter.
pub(super) struct Made(Vec<(Cow<'static, str>, Recorder)>);

enum Recorder {
    Histogram(Histogram<f64>),
    Counter(Counter<u64>),
    FloatCounter(Counter<f64>),
}

impl Made {
    pub(super) fn by(meter: &Meter, convention: &Convention) -> Self {
        let make = |instrument: &Instrument| {
            let Instrument { name, unit, description, .. } = instrument.clone();
            let recorder = match &instrument.kind {
                InstrumentKind::Histogram(boundaries) => {
                    let histogram = meter.f64_histogram(name).with_boundaries(boundaries.to_vec());
                    Recorder::Histogram(histogram.with_unit(unit).with_description(description).build())
                }
                InstrumentKind::Counter => {
                    let counter = meter.u64_counter(name).with_unit(unit).with_description(description);
                    Recorder::Counter(counter.build())
                }
                InstrumentKind::FloatCounter => {
                    let counter = meter.f64_counter(name).with_unit(unit).with_description(description);
                    Recorder::FloatCounter(counter.build())
                }
            };
            (instrument.name.clone(), recorder)
        };
        Self(convention.instruments().iter().map(make).collect())
    }

    fn record(&self, instrument: &str, value: f64, labels: &[KeyValue]) {
        let made = self.0.iter().find(|(name, _)| name == instrument);
        match made.map(|(_, recorder)| recorder) {
            Some(Recorder::Histogram(histogram)) => histogram.record(value, labels),
            Some(Recorder::Counter(counter)) => counter.add(value as u64, labels),
            Some(Recorder::FloatCounter(counter)) => counter.add(value, labels),
            None => {}
        }
    }
}

/// The instruments to record on.
pub(super) enum Instruments {
    Given(Made),
    Global(OfGlobal),
}

/// Instruments of the global provider, created again when another one is installed.
#[derive(Default)]
pub(super) struct OfGlobal(RwLock<Option<(Provider, Arc<Made>)>>);

type Provider = Arc<dyn MeterProvider + Send + Sync>;

impl OfGlobal {
    fn now(&self, convention: &Convention) -> Arc<Made> {
        // `global` has no notification of a new provider, so it is compared at each use.
        let provider = global::meter_provider();
        let made = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, made)) = &*made
            && Arc::ptr_eq(of, &provider)
        {
            return made.clone();
        }
        drop(made);
        let made = Arc::new(Made::by(&provider.meter_with_scope(scope()), convention));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((provider, made.clone()));
        made
    }
}

/// The instrument and the labels for the waits between a stream's chunks.
#[derive(Debug)]
pub(super) struct Gaps {
    instrument: Cow<'static, str>,
    labels: Vec<KeyValue>,
}

impl Gaps {
    /// Returns them for the event of a first chunk, or `None` if the waits of this span are not measured.
    pub(super) fn of(convention: &Convention, event: &Event<'_>) -> Option<Self> {
        let (instrument, labels) = convention.chunk_gaps(event)?;
        Some(Self { instrument: instrument.name.clone(), labels: key_values(&labels) })
    }
}

impl Instruments {
    /// Records what an event adds to the instruments.
    pub(super) fn measure(&self, convention: &Convention, event: &Event<'_>) {
        let record = |made: &Made| {
            convention.measure(event, |instrument, value, labels| {
                made.record(&instrument.name, value, &key_values(labels));
            });
        };
        self.with(convention, record);
    }

    /// Records the wait before a chunk.
    pub(super) fn gap(&self, convention: &Convention, gaps: &Gaps, seconds: f64) {
        self.with(convention, |made| made.record(&gaps.instrument, seconds, &gaps.labels));
    }

    fn with(&self, convention: &Convention, record: impl Fn(&Made)) {
        match self {
            Self::Given(made) => record(made),
            Self::Global(global) => record(&global.now(convention)),
        }
    }
}

fn key_values(labels: &[Label<'_>]) -> Vec<KeyValue> {
    labels.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone().into_owned())).collect()
}
