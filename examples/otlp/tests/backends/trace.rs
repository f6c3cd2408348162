//! Sends one trace that a check makes up.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use allm_telemetry::bridge::{otel::Otel, otlp::Otlp};
use allm_telemetry::testing::Capture;
use allm_telemetry::{Policy, convention::Convention, prelude::*};
use allm_telemetry_otlp::Failure;
use opentelemetry_sdk::trace::InMemorySpanExporter;

use crate::seen::ensure;

/// A trace that was sent.
pub(crate) struct Trace {
    pub(crate) session: String,
    pub(crate) id: String,
}

impl Trace {
    /// Runs the work inside a chat and sends its spans.
    pub(crate) async fn of(
        otlp: Otlp,
        policy: Policy,
        work: impl Future<Output = ()>,
    ) -> Result<Self, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let session = format!("check-{now}");
        let memory = InMemorySpanExporter::default();
        let also = memory.clone();
        let otlp = otlp.timeout(Duration::from_secs(30)).service_name(session.clone()).without_metrics();
        let pipeline = otlp.traces_with(|builder| builder.with_simple_exporter(also)).build()?;
        let capture = Capture::new();
        Otel::new()
            .tracer_provider(pipeline.tracer_provider())
            .without_metrics()
            .convention(Convention::new().policy(policy))
            .attach("otel", capture.telemetry())?;
        let chat = Span::chat().agent_name("weekend").conversation_id(session.clone());
        capture.scope(work.in_span_infallible(chat)).await;
        let report = pipeline.flush(Duration::from_secs(40)).await;
        let id = memory.get_finished_spans()?[0].span_context.trace_id().to_string();
        drop(pipeline.shutdown(Duration::from_secs(40)).await);
        ensure(report.is_complete(), || format!("not all arrived: {report}"))?;
        Ok(Self { session, id })
    }
}
