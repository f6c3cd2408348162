use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{Histogram, Key, KeyName, Label as KeyLabel, Level, Metadata, Recorder, SharedString, Unit};

use crate::convention::{Convention, Instrument, Label};

/// A recorder of the user's own.
pub(super) type Own = dyn Recorder + Send + Sync;

static METADATA: Metadata<'static> = Metadata::new("allm_telemetry", Level::INFO, Some(module_path!()));

/// The instruments, on the recorder that counts when something is measured.
///
/// A handle is never kept for longer than a stream: one that was taken before a recorder is installed records nothing.
pub(super) struct Meters {
    own: Option<Arc<Own>>,
    named: Vec<(&'static Instrument, KeyName)>,
    /// Where the recorder lies that knows the instruments' units and descriptions. Of one that is set for a scope and lies
    /// where an earlier one lay, nobody can say that it is another; the process's one lies still.
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

    /// Adds a value to a histogram, or as many as it says to a counter.
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

    /// The instrument's name and labels, as a recorder wants them.
    pub(super) fn key(&self, instrument: &'static Instrument, labels: &[Label<'_>]) -> Option<Key> {
        let (_, name) = self.named.iter().find(|(known, _)| std::ptr::eq(*known, instrument))?;
        let label = |(key, value): &Label<'_>| KeyLabel::new(key.clone(), value.clone().into_owned());
        Some(Key::from_parts(name.clone(), labels.iter().map(label).collect::<Vec<_>>()))
    }

    /// The user's recorder, else the one of the scope, else the process's one, whenever it was installed. It is told
    /// what the instruments are when it is met, because a description before that is lost.
    fn on_recorder<R>(&self, code: impl FnOnce(&dyn Recorder) -> R) -> R {
        let describe_and_call = |recorder: &dyn Recorder| {
            let place = std::ptr::from_ref(recorder).addr();
            if self.described.load(Ordering::Relaxed) != place {
                self.describe(recorder);
                self.described.store(place, Ordering::Relaxed);
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
