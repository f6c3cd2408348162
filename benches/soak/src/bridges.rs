//! Every bridge, each where it is used: attached, asked what it lost, detached. A new one is a line in [`Bridges::attach`]
//! and, if it queues, one in [`Bridges::close`].

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allm_telemetry::bridge::console::Console;
use allm_telemetry::bridge::json_lines::JsonLines;
use allm_telemetry::bridge::metrics::Metrics;
use allm_telemetry::bridge::otel::Otel;
use allm_telemetry::bridge::otlp::{Otlp, Pipeline};
use allm_telemetry::bridge::prometheus::with_buckets;
use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::convention::Convention;
use allm_telemetry::{
    SpanName, Telemetry,
    handler::{QueueCounts, SinkGuard},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{Request, Response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::task::JoinHandle;

use crate::report::Queue;

const DEADLINE: Duration = Duration::from_secs(60);

/// What listens besides the books.
pub(crate) struct Bridges {
    lines: (SinkGuard, Lines),
    console: (SinkGuard, Lines),
    subscription: (QueueCounts, JoinHandle<u64>),
    pipeline: Pipeline,
    page: PrometheusHandle,
}

impl Bridges {
    /// Attaches them. Called in a runtime: the subscription has a task that reads it.
    pub(crate) fn attach(telemetry: &Telemetry, small: bool) -> Result<Self, Box<dyn Error>> {
        let capacity = |enough: usize| if small { 2 } else { enough };
        let written = Lines::default();
        let lines =
            JsonLines::to_writer(written.clone()).capacity(capacity(65_536)).attach("lines", telemetry)?;
        let drawn = Lines::default();
        let console =
            Console::to_writer(drawn.clone()).capacity(capacity(65_536)).attach("console", telemetry)?;

        let mut events = telemetry.subscribe("reader", SpanName::Stream.events(), capacity(65_536))?;
        let counts = events.counts();
        let reading = tokio::spawn(async move {
            let mut read = 0;
            while events.next().await.is_some() {
                read += 1;
            }
            read
        });

        let subscriber = tracing_subscriber::fmt().with_writer(io::sink).finish();
        tracing_subscriber::util::SubscriberInitExt::try_init(subscriber)?;
        Tracing::new().attach("tracing", telemetry)?;

        let pipeline = Otlp::new()
            .endpoint("http://127.0.0.1:4318")
            .http_client(Collector)
            .queue(capacity(65_536))
            .build()?;
        Otel::new()
            .tracer_provider(pipeline.tracer_provider())
            .meter_provider(pipeline.meter_provider())
            .attach("otel", telemetry)?;

        let recorder = with_buckets(PrometheusBuilder::new(), &Convention::new()).build_recorder();
        let page = recorder.handle();
        Metrics::new().recorder(recorder).attach("metrics", telemetry)?;

        let (lines, console) = ((lines, written), (console, drawn));
        Ok(Self { lines, console, subscription: (counts, reading), pipeline, page })
    }

    /// What a service does now and then.
    pub(crate) fn upkeep(&self) {
        self.page.run_upkeep();
    }

    /// Ends them, and asks what they lost.
    pub(crate) async fn close(self, telemetry: &Telemetry) -> Result<Vec<Queue>, Box<dyn Error>> {
        let mut queues = Vec::new();
        for (name, (guard, lines)) in [("json lines", self.lines), ("console", self.console)] {
            let flushed = tokio::task::block_in_place(|| guard.flush(DEADLINE));
            let lost = flushed.lost + flushed.waiting;
            drop(guard);
            queues.push(Queue { name, arrived: lines.0.load(Ordering::Relaxed), lost });
        }
        for id in ["reader", "tracing", "otel", "metrics"] {
            telemetry.detach(id)?;
        }
        let (counts, reading) = self.subscription;
        let arrived = reading.await?;
        let lost = counts.lost() + counts.accepted() - arrived;
        queues.push(Queue { name: "subscribe", arrived, lost });
        let sent = self.pipeline.shutdown(DEADLINE).await.spans;
        let lost = sent.queue_full + sent.failed + sent.unknown;
        queues.push(Queue { name: "otlp", arrived: sent.exported, lost });
        Ok(queues)
    }
}

/// Counts lines and forgets them.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicU64>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        self.0.fetch_add(lines as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A collector that takes everything: what is soaked is this side of the wire.
#[derive(Debug)]
struct Collector;

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, _: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // An empty protobuf message says that all was accepted.
        Ok(Response::new(Bytes::new()))
    }
}
