//! A telemetry of its own whose spans and metrics go to memory.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, SystemTime};

use allm_telemetry::bridge::otel::Otel;
use allm_telemetry::testing::Capture;
use opentelemetry::trace::{SpanId, TracerProvider as _};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData};

pub(crate) struct World {
    pub(crate) capture: Capture,
    pub(crate) traces: SdkTracerProvider,
    pub(crate) meters: SdkMeterProvider,
    spans: InMemorySpanExporter,
    metrics: InMemoryMetricExporter,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|otel| otel)
    }

    pub(crate) fn with(set_up: impl FnOnce(Otel) -> Otel) -> Self {
        let world = Self::detached();
        world.attach(set_up);
        world
    }

    /// With nothing attached yet.
    pub(crate) fn detached() -> Self {
        let (spans, metrics) = (InMemorySpanExporter::default(), InMemoryMetricExporter::default());
        let reader = PeriodicReader::builder(metrics.clone()).build();
        Self {
            capture: Capture::new(),
            traces: SdkTracerProvider::builder().with_batch_exporter(spans.clone()).build(),
            meters: SdkMeterProvider::builder().with_reader(reader).build(),
            spans,
            metrics,
        }
    }

    pub(crate) fn attach(&self, set_up: impl FnOnce(Otel) -> Otel) {
        let otel = Otel::new().tracer_provider(self.traces.clone()).meter_provider(self.meters.clone());
        set_up(otel).attach("otel", self.capture.telemetry()).unwrap();
    }

    pub(crate) async fn run<F: Future>(&self, work: F) -> F::Output {
        self.capture.scope(work).await
    }

    /// A tracer of the user's own.
    pub(crate) fn tracer(&self) -> SdkTracer {
        self.traces.tracer("user")
    }

    /// The spans that have ended, by the time of their end.
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.traces.force_flush().unwrap();
        self.spans.get_finished_spans().unwrap()
    }

    /// The one span of this name.
    #[track_caller]
    pub(crate) fn span(&self, name: &str) -> SpanData {
        let mut found = self.spans();
        found.retain(|span| span.name == name);
        assert_eq!(found.len(), 1, "one {name:?} of {:?}", self.tree());
        found.remove(0)
    }

    /// Each span with its parent: `tool < chat`, or `chat < nothing`; sorted.
    pub(crate) fn tree(&self) -> Vec<String> {
        let spans = self.spans();
        let name = |id: SpanId| {
            let parent = spans.iter().find(|span| span.span_context.span_id() == id);
            parent.map_or_else(
                || if id == SpanId::INVALID { "nothing" } else { "unknown" }.into(),
                |it| it.name.clone(),
            )
        };
        let mut tree: Vec<String> =
            spans.iter().map(|span| format!("{} < {}", span.name, name(span.parent_span_id))).collect();
        tree.sort();
        tree
    }

    /// What was measured since the beginning, by instrument.
    pub(crate) fn measured(&self) -> BTreeMap<String, Measured> {
        self.metrics.reset();
        self.meters.force_flush().unwrap();
        let all = self.metrics.get_finished_metrics().unwrap();
        let scopes = all.iter().flat_map(|resource| resource.scope_metrics());
        let metrics = scopes.flat_map(|scope| scope.metrics());
        let measured = |data: &AggregatedMetrics| match data {
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
                .data_points()
                .map(|point| Point {
                    labels: labels(point.attributes()),
                    bounds: point.bounds().collect(),
                    count: point.count(),
                    sum: point.sum(),
                })
                .collect(),
            AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
                .data_points()
                .map(|point| Point {
                    labels: labels(point.attributes()),
                    bounds: Vec::new(),
                    count: point.value(),
                    sum: point.value() as f64,
                })
                .collect(),
            AggregatedMetrics::F64(MetricData::Sum(sum)) => sum
                .data_points()
                .map(|point| Point {
                    labels: labels(point.attributes()),
                    bounds: Vec::new(),
                    count: 1,
                    sum: point.value(),
                })
                .collect(),
            other => panic!("an instrument of another kind: {other:?}"),
        };
        let one = |metric: &opentelemetry_sdk::metrics::data::Metric| {
            let points = measured(metric.data());
            (metric.name().to_owned(), Measured { unit: metric.unit().to_owned(), points })
        };
        metrics.map(one).collect()
    }
}

#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) unit: String,
    pub(crate) points: Vec<Point>,
}

#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) bounds: Vec<f64>,
    pub(crate) count: u64,
    pub(crate) sum: f64,
}

fn labels<'a>(labels: impl Iterator<Item = &'a KeyValue>) -> BTreeMap<String, String> {
    labels.map(|label| (label.key.to_string(), label.value.to_string())).collect()
}

/// The value of an attribute; it may stand once.
#[track_caller]
pub(crate) fn attribute(span: &SpanData, key: &str) -> Option<Value> {
    let mut values = span.attributes.iter().filter(|attribute| attribute.key.as_str() == key);
    let value = values.next().map(|attribute| attribute.value.clone());
    assert!(values.next().is_none(), "{key} stands twice on {}", span.name);
    value
}

#[track_caller]
pub(crate) fn text(span: &SpanData, key: &str) -> String {
    attribute(span, key)
        .unwrap_or_else(|| panic!("no {key} on {}: {:?}", span.name, span.attributes))
        .to_string()
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap()
}

/// How long it lasted, in nanoseconds.
pub(crate) fn lasted(span: &SpanData) -> u64 {
    nanos(span.end_time) - nanos(span.start_time)
}
