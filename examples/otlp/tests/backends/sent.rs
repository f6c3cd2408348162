//! One conversation that was sent, with its events: the expected values for the checks of backends.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allm_telemetry::bridge::otel::Otel;
use allm_telemetry::bridge::otlp::Otlp;
use allm_telemetry::testing::Capture;
use allm_telemetry::{
    Policy, SpanName, Usage,
    convention::Convention,
    event::{OwnedEvent, SpanId},
};
use allm_telemetry_otlp::{Failure, policy_with_content, talk};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};

pub(crate) struct Sent {
    pub(crate) content: bool,
    /// The id of this conversation alone.
    pub(crate) session: String,
    /// The events, as every handler sees them.
    pub(crate) ends: BTreeMap<SpanId, OwnedEvent>,
    /// The exported spans, with their OpenTelemetry ids.
    pub(crate) spans: Vec<SpanData>,
}

impl Sent {
    /// Runs a conversation and sends it.
    pub(crate) async fn to(otlp: Otlp, content: bool) -> Result<Self, Failure> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let session = format!("check-{now}-{number}");
        let policy = if content { policy_with_content() } else { Policy::new() };

        let memory = InMemorySpanExporter::default();
        let also = memory.clone();
        let otlp = otlp.timeout(Duration::from_secs(30)).service_name(session.clone());
        let pipeline = otlp.traces_with(|builder| builder.with_simple_exporter(also)).build()?;
        let capture = Capture::new();
        Otel::new()
            .tracer_provider(pipeline.tracer_provider())
            .meter_provider(pipeline.meter_provider())
            .convention(Convention::new().policy(policy))
            .attach("otel", capture.telemetry())?;
        capture.scope(talk(&session, 1)).await?;
        let report = pipeline.flush(Duration::from_secs(40)).await;
        // The exporter forgets what it has when it is shut down.
        let spans = memory.get_finished_spans()?;
        if !pipeline.shutdown(Duration::from_secs(40)).await.is_complete() {
            return Err(format!("not all arrived: {report}").into());
        }
        let ends = capture.events().into_iter().filter(|event| event.as_event().outcome().is_some());
        let ends = ends.filter_map(|event| Some((event.as_event().span_id()?, event))).collect();
        Ok(Self { content, session, ends, spans })
    }

    pub(crate) fn trace_id(&self) -> String {
        self.spans[0].span_context.trace_id().to_string()
    }

    /// The name under which a span was sent.
    pub(crate) fn name(&self, id: SpanId) -> Option<String> {
        let id = id.to_string();
        let of_id = |span: &&SpanData| span.attributes.iter().any(|it| it.value.as_str() == id);
        self.spans.iter().find(of_id).map(|span| span.name.to_string())
    }

    /// The tokens that the calls used, input and output.
    pub(crate) fn tokens(&self) -> (u64, u64) {
        let usages = self.ends.values().filter_map(|event| event.as_event().usage().cloned());
        let calls = usages.collect::<Vec<Usage>>();
        let sum = |part: fn(&Usage) -> Option<u64>| calls.iter().filter_map(part).sum();
        (sum(Usage::input_tokens), sum(Usage::output_tokens))
    }
}

/// The kind that OpenInference has for a span.
pub(crate) fn kind(span: SpanName) -> &'static str {
    match span {
        SpanName::Chat => "AGENT",
        SpanName::Step => "CHAIN",
        SpanName::Tool => "TOOL",
        SpanName::Stream => "LLM",
        other => panic!("the agent has no {other}"),
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = if self.content { "with content" } else { "without content" };
        write!(f, "trace {} {content}", self.trace_id())
    }
}
