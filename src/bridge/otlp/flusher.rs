use std::future::Future;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::export_counts::ExportCounts;
use super::export_runtime::ExportRuntime;
use super::on_thread::on_thread;
use crate::registry::flush::{Flush, Written};

/// Flushes a pipeline, for the pipeline itself and for the shutdown of a handle.
pub(super) struct Flusher {
    pub(super) traces: SdkTracerProvider,
    pub(super) meters: SdkMeterProvider,
    pub(super) spans: ExportCounts,
    pub(super) metrics: ExportCounts,
    pub(super) runtime: Arc<ExportRuntime>,
}

impl Flusher {
    /// Sends what waits. Completes when the collector has answered.
    pub(super) fn flush_all(&self) -> impl Future<Output = ()> + Send + use<> {
        let (traces, meters, spans) = (self.traces.clone(), self.meters.clone(), self.spans.clone());
        async move {
            // The SDK's flush blocks for up to five seconds, so it gets a thread of its own. Its exports go on after that.
            drop(on_thread(move || drop(traces.force_flush())));
            let flushed = on_thread(move || drop(meters.force_flush()));
            spans.settled().await;
            let _ = flushed.await;
        }
    }
}

impl Flush for Flusher {
    fn flush(&self, deadline: Duration) -> Written {
        let (done, wait) = mpsc::sync_channel(1);
        let flush = self.flush_all();
        self.runtime.spawn(async move {
            flush.await;
            let _ = done.send(());
        });
        let _ = wait.recv_timeout(deadline);
        let counts = self.spans.counts();
        Written {
            written: counts.exported,
            lost: counts.queue_full + counts.failed,
            waiting: counts.unknown,
            error: self.spans.last_failure().or_else(|| self.metrics.last_failure()),
        }
    }
}
