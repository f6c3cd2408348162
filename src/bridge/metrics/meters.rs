use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{Histogram, Key, KeyName, Label as KeyLabel, Level, Metadata, Recorder, SharedString, Unit};

use crate::convention::{Convention, Instrument, Label};

/// A recorder of the user's own.
pub(super) type Own = dyn Recorder + Send + Sync;

static METADATA: Metadata<'static> = Metadata::new("allm_telemetry", Level::INFO, Some(module_path!()));

/// The instruments, on the recorder that is current when something is measured.
///
/// Handles are kept at most for the length of a stream: one that was taken before a recorder is installed records nothing.
pub(super) struct Meters {
    own: Option<Arc<Own>>,
    named: Vec<(&'static Instrument, KeyName)>,
    /// The address of the recorder that was given the instruments' units and descriptions. A scope's recorder may have the
    /// address of an earlier one, and is then not described; the process's recorder does not move.
    described: AtomicUsize,
}

impl Meters {
    pub(super) fn new(convention: &Convention, own: Option<Arc<Own>>) -> Self {
        let name = |instrument: &Instrument| -> KeyName {
            SharedString::from_shared(Arc::from(instrument.name_with_unit())).into()
        };
        let named =
            convention.instruments().iter().map(|instrument| (instrument, name(instrument))).collect();
        Self { own, named, described: AtomicUsize::new(0) }
    }

    /// Records a value on a histogram, or adds it to a counter.
    pub(super) fn record(&self, instrument: &'static Instrument, value: f64, labels: &[Label<'_>]) {
        let Some(key) = self.key(instrument, labels) else { return };
        self.on_recorder(|recorder| match instrument.boundaries {
            Some(_) => recorder.register_histogram(&key, &METADATA).record(value),
            None => recorder.register_counter(&key, &METADATA).increment(value as u64),
        });
    }

    pub(super) fn histogram(&self, key: &Key) -> Histogram {
        self.on_recorder(|recorder| recorder.register_histogram(key, &METADATA))
    }

    /// The instrument's name and labels in the facade's terms.
    pub(super) fn key(&self, instrument: &'static Instrument, labels: &[Label<'_>]) -> Option<Key> {
        let (_, name) = self.named.iter().find(|(known, _)| std::ptr::eq(*known, instrument))?;
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
            let description = SharedString::const_str(instrument.description);
            match instrument.boundaries {
                Some(_) => recorder.describe_histogram(name.clone(), Some(unit), description),
                None => recorder.describe_counter(name.clone(), Some(unit), description),
            }
        }
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meters").field("instruments", &self.named.len()).finish_non_exhaustive()
    }
}
