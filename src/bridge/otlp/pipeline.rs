use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::sync::oneshot;

use super::counts::{ExportCounts, Report};
use super::driver::Driver;

/// Providers whose spans and metrics go to a collector. Made by [`Otlp::build`](super::Otlp::build).
///
/// Keep it until the end of `main`: dropped, it sends what waits, for up to five seconds, and shuts the providers down.
#[must_use = "bind it to a named variable: `let _ = …` drops it at once, which shuts the providers down"]
pub struct Pipeline {
    pub(super) traces: SdkTracerProvider,
    pub(super) meters: SdkMeterProvider,
    pub(super) spans: Arc<ExportCounts>,
    pub(super) metrics: Arc<ExportCounts>,
    pub(super) driver: Arc<Driver>,
    pub(super) open: bool,
}

impl Pipeline {
    const DROP_DEADLINE: Duration = Duration::from_secs(5);

    /// Ownership spans are sent: for the `otel` bridge, for `opentelemetry::global`, for instrumentation of your own.
    #[must_use]
    pub fn tracer_provider(&self) -> SdkTracerProvider {
        self.traces.clone()
    }

    /// Ownership metrics are sent. Without [metrics](super::Otlp::without_metrics), one that records nothing.
    #[must_use]
    pub fn meter_provider(&self) -> SdkMeterProvider {
        self.meters.clone()
    }

    /// What became of everything so far.
    pub fn report(&self) -> Report {
        let last_failure = self.spans.last_failure().or_else(|| self.metrics.last_failure());
        Report { spans: self.spans.counts(), metrics: self.metrics.counts(), last_failure }
    }

    /// Sends the spans that ended before this call and the metrics as they are, and waits for the collector's answers
    /// until `deadline` has passed.
    ///
    /// Works on every runtime, a current-thread one included, and blocks no thread of it. The time is real time, also
    /// where tokio's is paused.
    ///
    /// # Cancel safety
    ///
    /// When it is dropped, the sending goes on.
    pub async fn flush(&self, deadline: Duration) -> Report {
        let traces = self.traces.clone();
        let meters = self.meters.clone();
        // The SDK's flush blocks for up to five seconds, so it gets a thread. What it began goes on after that.
        let flushed = [aside(move || drop(traces.force_flush())), aside(move || drop(meters.force_flush()))];
        let spans = self.spans.clone();
        let done = async move {
            let [_, metrics] = flushed;
            spans.settled().await;
            let _ = metrics.await;
        };
        let _ = self.driver.within(deadline, done).await;
        self.report()
    }

    /// Sends what waits, until `deadline` has passed, and shuts the providers down. What still waits then is
    /// `unknown`. Never hangs.
    ///
    /// # Cancel safety
    ///
    /// When it is dropped, the shutdown goes on.
    pub async fn shutdown(mut self, deadline: Duration) -> Report {
        self.open = false;
        let closed = self.close(deadline);
        let _ = self.driver.within(deadline, closed).await;
        self.report()
    }

    fn close(&self, deadline: Duration) -> impl Future<Output = ()> + Send + use<> {
        let (traces, meters) = (self.traces.clone(), self.meters.clone());
        let closed = [
            aside(move || drop(traces.shutdown_with_timeout(deadline))),
            aside(move || drop(meters.shutdown_with_timeout(deadline))),
        ];
        async {
            for closed in closed {
                let _ = closed.await;
            }
        }
    }
}

/// Runs what blocks on a plain thread. The receiver resolves when it is done.
fn aside(work: impl FnOnce() + Send + 'static) -> oneshot::Receiver<()> {
    let (done, wait) = oneshot::channel();
    let spawned = thread::Builder::new().name("allm-otlp-flush".to_owned()).spawn(move || {
        work();
        let _ = done.send(());
    });
    // Without a thread the sender is gone, so nobody waits, and the report tells what waits.
    drop(spawned);
    wait
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let closed = self.close(Self::DROP_DEADLINE);
        let (done, wait) = mpsc::sync_channel(1);
        self.driver.spawn(async move {
            closed.await;
            let _ = done.send(());
        });
        let _ = wait.recv_timeout(Self::DROP_DEADLINE);
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("report", &self.report()).finish_non_exhaustive()
    }
}
