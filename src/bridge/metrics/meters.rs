use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{Histogram, Key, KeyName, Label as KeyLabel, Level, Metadata, Recorder, SharedString, Unit};

use crate::convention::{Convention, Instrument, InstrumentKind, Label};

/// A recorder of the user's own.
pub(super) type Own = dyn Recorder + Send + Sync;

static METADATA: Metadata<'static> = Metadata::new("allm_telemetry", Level::INFO, Some(module_path!()));

/// The instruments, on the recorder that is current when something is measured.
///
/// Handles are kept at most for the length of a stream: one that was taken before a recorder is installed records nothing.
pub(super) struct Meters {
    own: Option<Arc<Own>>,
    named: Vec<(Instrument, KeyName)>,
    /// The address of the recorder that was given the instruments' units and descriptions. A scope's recorder may have the
    /// address of an earlier one, and is then not described; the process's recorder does not move.
    described: AtomicUsize,
}

impl Meters {
    pub(super) fn new(convention: &Convention, own: Option<Arc<Own>>) -> Self {
        let name = |instrument: &Instrument| -> KeyName {
            SharedString::from_shared(Arc::from(instrument.name_with_unit())).into()
        };
        let named = convention.instruments().iter().map(|it| (it.clone(), name(it))).collect();
        Self { own, named, described: AtomicUsize::new(0) }
    }

    /// Records a value on a histogram, or adds it to a counter. The facade's counters are whole numbers, so fractions are added
    /// to a gauge.
    pub(super) fn record(&self, instrument: &Instrument, value: f64, labels: &[Label<'_>]) {
        let Some(key) = self.key(instrument, labels) else { return };
        self.on_recorder(|recorder| match instrument.kind {
            InstrumentKind::Histogram(_) => recorder.register_histogram(&key, &METADATA).record(value),
            InstrumentKind::Counter => recorder.register_counter(&key, &METADATA).increment(value as u64),
            InstrumentKind::FloatCounter => recorder.register_gauge(&key, &METADATA).increment(value),
        });
    }

    pub(super) fn histogram(&self, key: &Key) -> Histogram {
        self.on_recorder(|recorder| recorder.register_histogram(key, &METADATA))
    }

    /// The instrument's name and labels in the facade's terms.
    pub(super) fn key(&self, instrument: &Instrument, labels: &[Label<'_>]) -> Option<Key> {
        let (_, name) = self.named.iter().find(|(known, _)| known.name == instrument.name)?;
        let label = |(key, value): &Label<'_>| KeyLabel::new(key.clone(), value.clone().into_owned());
        Some(Key::from_parts(name.clone(), labels.iter().map(label).collect::<Vec<_>>()))
    }

    /// Calls `code` with the user's recorder, otherwise the scope's, otherwise the process's. The instruments are described
    /// on the first call with a recorder, because a description before it is installed is lost.
    fn on_recorder<R>(&self, code: impl FnOnce(&dyn Recorder) -> R) -> R {
        let describe_and_call = |recorder: &dyn Recorder| {
            let address = std::ptr::from_ref(recorder).addr();
            if self.described.load(Ordering::Relaxed) != address {
                self.describe(recorder);
                self.described.store(address, Ordering::Relaxed);
            }
            code(recorder)
        };
        match &self.own {
            Some(own) => describe_and_call(own),
            None => metrics::with_recorder(describe_and_call),
        }
    }

    #[cold]
    fn describe(&self, recorder: &dyn Recorder) {
        for (instrument, name) in &self.named {
            let unit = if instrument.unit == "s" { Unit::Seconds } else { Unit::Count };
            let description = instrument.description.clone().into();
            match instrument.kind {
                InstrumentKind::Histogram(_) => {
                    recorder.describe_histogram(name.clone(), Some(unit), description)
                }
                InstrumentKind::Counter => recorder.describe_counter(name.clone(), Some(unit), description),
                InstrumentKind::FloatCounter => {
                    recorder.describe_gauge(name.clone(), Some(unit), description)
                }
            }
        }
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meters").field("instruments", &self.named.len()).finish_non_exhaustive()
    }
}
