//! A bridge on a recorder of its own, and what was recorded there.

use allm_telemetry::bridge::metrics::Metrics;
use allm_telemetry::{Telemetry, convention::Convention};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

pub(crate) struct Recorded {
    pub(crate) telemetry: Telemetry,
    seen: Snapshotter,
}

impl Recorded {
    pub(crate) fn new() -> Self {
        Self::with(Convention::new())
    }

    pub(crate) fn with(convention: Convention) -> Self {
        let recorder = DebuggingRecorder::new();
        let seen = recorder.snapshotter();
        let telemetry = Telemetry::new();
        Metrics::new().convention(convention).recorder(recorder).attach("metrics", &telemetry).unwrap();
        Self { telemetry, seen }
    }

    /// What was recorded since the last look.
    pub(crate) fn now(&self) -> Vec<String> {
        lines(&self.seen)
    }

    /// The lines of one instrument, without its name.
    pub(crate) fn of(&self, name: &str) -> Vec<String> {
        let of_it = |line: String| Some(line.strip_prefix(name)?.strip_prefix(' ')?.to_owned());
        self.now().into_iter().filter_map(of_it).collect()
    }
}

/// Each series as `name {labels} values`, sorted.
pub(crate) fn lines(seen: &Snapshotter) -> Vec<String> {
    let line = |(key, _, _, value): (metrics_util::CompositeKey, _, _, DebugValue)| {
        let labels: Vec<_> = key.key().labels().map(|it| format!("{}={}", it.key(), it.value())).collect();
        let values: Vec<String> = match value {
            DebugValue::Counter(count) => vec![count.to_string()],
            DebugValue::Histogram(values) => values.iter().map(ToString::to_string).collect(),
            DebugValue::Gauge(value) => vec![format!("gauge {value}")],
        };
        let is_empty =
            values.is_empty() || values == ["0"] && key.kind() == metrics_util::MetricKind::Counter;
        (!is_empty).then(|| format!("{} {{{}}} {}", key.key().name(), labels.join(" "), values.join(" ")))
    };
    let mut lines: Vec<_> = seen.snapshot().into_vec().into_iter().filter_map(line).collect();
    lines.sort();
    lines
}
