use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::export_counts::ExportCounts;
use super::export_runtime::ExportRuntime;
use super::flusher::Flusher;
use super::health::Health;
use super::on_thread::on_thread;
use super::report::Report;
use crate::registry::{Telemetry, flush::Flush};

/// Providers whose spans and metrics are sent to a collector. Returned by [`Otlp::build`](super::Otlp::build).
///
/// Keep it until the end of `main`: when it is dropped, it sends what waits, for at most five seconds, and shuts the
/// providers down. [`Telemetry::shutdown`](crate::Telemetry::shutdown) flushes it too.
#[must_use = "bind it to a named variable: `let _ = …` drops it immediately, which shuts the providers down"]
pub struct Pipeline {
    pub(super) traces: SdkTracerProvider,
    pub(super) meters: SdkMeterProvider,
    pub(super) spans: Exporting,
    pub(super) metrics: Exporting,
    pub(super) runtime: Arc<ExportRuntime>,
    flusher: Arc<Flusher>,
    open: bool,
}

/// What a pipeline shares with one of its exporters.
pub(super) struct Exporting {
    pub(super) counts: ExportCounts,
    pub(super) health: Arc<Health>,
}

impl Pipeline {
    pub(super) fn new(
        traces: SdkTracerProvider,
        meters: SdkMeterProvider,
        spans: Exporting,
        metrics: Exporting,
        runtime: Arc<ExportRuntime>,
    ) -> Self {
        let flusher = Arc::new(Flusher {
            traces: traces.clone(),
            meters: meters.clone(),
            spans: spans.counts.clone(),
            metrics: metrics.counts.clone(),
            runtime: runtime.clone(),
        });
        Self { traces, meters, spans, metrics, runtime, flusher, open: true }
    }

    /// Has a shutdown of this handle flush the pipeline.
    pub(super) fn flushed_by(self, telemetry: &Telemetry) -> Self {
        let flusher: Arc<dyn Flush> = self.flusher.clone();
        telemetry.flush_on_shutdown("otlp".into(), Arc::downgrade(&flusher));
        self
    }

    const DROP_DEADLINE: Duration = Duration::from_secs(5);

    /// Returns the provider whose spans are sent: for the `otel` bridge, for `opentelemetry::global`, for instrumentation of your own.
    #[must_use]
    pub fn tracer_provider(&self) -> SdkTracerProvider {
        self.traces.clone()
    }

    /// Returns the provider whose metrics are sent. [Without metrics](super::Otlp::without_metrics) it records nothing.
    #[must_use]
    pub fn meter_provider(&self) -> SdkMeterProvider {
        self.meters.clone()
    }

    /// Returns what became of everything so far.
    pub fn report(&self) -> Report {
        let (spans, metrics) = (&self.spans.counts, &self.metrics.counts);
        let last_failure = spans.last_failure().or_else(|| metrics.last_failure());
        Report { spans: spans.counts(), metrics: metrics.counts(), last_failure }
    }

    /// Sends the spans that ended before this call and the metrics as they are, and waits for the collector's answers
    /// until `deadline` has passed.
    ///
    /// It works on every runtime, a current-thread one included, and blocks none of its threads. The deadline is in real
    /// time, even where tokio's clock is paused.
    ///
    /// # Cancel safety
    ///
    /// If this future is dropped, the flush goes on.
    pub async fn flush(&self, deadline: Duration) -> Report {
        let _ = self.runtime.within(deadline, self.flusher.flush_all()).await;
        self.report()
    }

    /// Sends what waits, until `deadline` has passed, and shuts the providers down. What still waits then is counted as
    /// `unknown`. It returns at the deadline, whatever the collector does.
    ///
    /// # Cancel safety
    ///
    /// If this future is dropped, the shutdown goes on.
    pub async fn shutdown(mut self, deadline: Duration) -> Report {
        self.open = false;
        let closed = self.close(deadline);
        let _ = self.runtime.within(deadline, closed).await;
        self.report()
    }

    fn close(&self, deadline: Duration) -> impl Future<Output = ()> + Send + use<> {
        let (traces, meters) = (self.traces.clone(), self.meters.clone());
        let closed = [
            on_thread(move || drop(traces.shutdown_with_timeout(deadline))),
            on_thread(move || drop(meters.shutdown_with_timeout(deadline))),
        ];
        join_all(closed).map(drop)
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if self.open {
            self.close_within(Self::DROP_DEADLINE);
        }
        self.spans.health.close();
        self.metrics.health.close();
    }
}

impl Pipeline {
    /// Shuts the providers down, and blocks the thread until that is done or the deadline has passed.
    fn close_within(&self, deadline: Duration) {
        let closed = self.close(deadline);
        let (done, wait) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            closed.await;
            let _ = done.send(());
        });
        let _ = wait.recv_timeout(deadline);
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("report", &self.report()).finish_non_exhaustive()
    }
}
