//! Shutdown: waits for open spans and flushes the exporters of a handle.
//!
//! Each exporter with a queue registers a [`Flush`] with its handle. A shutdown runs on a thread of its own, because a flush
//! blocks, and because the deadline is in real time even if tokio's clock is paused.
//!
//! After a shutdown the exporters stay attached, and an event reaches its file before the task that emits it continues
//! ([`write_through`](Flush::write_through)). So the end of a span that is still open when `main` returns is written while the runtime drops its task.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::flush::{Flush, Written};
use super::shutdown_report::{ExporterReport, OpenSpans, ShutdownReport};
use super::telemetry::Telemetry;
use crate::event::{Clock as _, SpanName, SystemClock};

impl Telemetry {
    /// Waits until no observed span of this handle is open, flushes its exporters, and reports what was written and lost. It
    /// ends no span.
    ///
    /// Call it at the end of `main`. Under `#[tokio::main]` the locals of `main`, the guards of exporters among them, are
    /// dropped before the runtime and its tasks: without this call, the end of a span on a task that is still running is not
    /// written. Call it outside of any span, for it would wait for that one too.
    ///
    /// It waits for spans for nine tenths of the time (all but one second if that is more) and flushes in the rest. The
    /// exporters are those with a queue: [sinks](crate::handler::Sink), such as JSON lines and the console, and the OTLP pipelines
    /// of this handle. The other exporters work in the task that emits. A [subscription](crate::handler::Subscription) is read by a
    /// task of your own, which is not waited for.
    ///
    /// The exporters stay attached. From here on, each event is written before the task that emits it continues. Guards that
    /// are dropped while spans are open leave their sinks attached, so that the log has the end of a span that outlasts the
    /// deadline too: `cancelled`, when the runtime drops its task. An OTLP pipeline does not export that end, because it exports
    /// spans in the background.
    ///
    /// # Cancel safety
    ///
    /// If this future is dropped, the shutdown goes on without its report.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use allm_telemetry::{prelude::*, Event, SpanName, Telemetry};
    ///
    /// # async fn call() -> Result<(), std::io::Error> { Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let telemetry = Telemetry::new();
    /// telemetry.attach_many("log", SpanName::Generate.events(), |event: &Event<'_>| println!("{event}"))?;
    /// telemetry.run(|| tokio::spawn(call().in_span(Span::generate())));
    ///
    /// let report = telemetry.shutdown(Duration::from_secs(10)).await;
    /// assert!(report.is_complete(), "{report}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(&self, deadline: Duration) -> impl Future<Output = ShutdownReport> + Send + use<> {
        let telemetry = self.clone();
        async move {
            let (done, report) = oneshot::channel();
            telemetry.start_shutdown(deadline, |report| drop(done.send(report)));
            report.await.unwrap_or_else(|_| telemetry.flush_exporters(Duration::ZERO))
        }
    }

    /// Does what [`shutdown`](Self::shutdown) does, and blocks the thread meanwhile. For code outside of a runtime: on a thread
    /// of a runtime, the tasks that it waits for may not run.
    pub fn shutdown_blocking(&self, deadline: Duration) -> ShutdownReport {
        let (done, report) = mpsc::sync_channel(1);
        self.start_shutdown(deadline, move |report| drop(done.send(report)));
        report.recv().unwrap_or_else(|_| self.flush_exporters(Duration::ZERO))
    }

    /// Starts the shutdown on a thread of its own. If the thread cannot be started, `done` is dropped.
    fn start_shutdown(&self, deadline: Duration, done: impl FnOnce(ShutdownReport) + Send + 'static) {
        let telemetry = self.clone();
        let thread = thread::Builder::new().name("allm-shutdown".to_owned());
        drop(thread.spawn(move || done(telemetry.run_shutdown(deadline))));
    }

    fn run_shutdown(&self, deadline: Duration) -> ShutdownReport {
        // How often open spans are counted.
        const INTERVAL: Duration = Duration::from_millis(2);
        let started = SystemClock.monotonic();
        let remaining = || {
            let elapsed = SystemClock.monotonic().saturating_sub(started);
            deadline.saturating_sub(Duration::from_nanos(elapsed))
        };
        let for_the_flush = (deadline / 10).min(Duration::from_secs(1));
        loop {
            while self.has_open_spans() && remaining() > for_the_flush {
                thread::sleep(INTERVAL.min(remaining()));
            }
            let report = self.flush_exporters(remaining());
            // A task that was spawned before may have started its span during the flush.
            if report.open_spans.is_empty() || remaining() <= for_the_flush {
                return report;
            }
        }
    }

    /// Flushes all exporters at once, so that one that is stuck leaves the others their time.
    fn flush_exporters(&self, deadline: Duration) -> ShutdownReport {
        self.start_write_through();
        let exporters = self.registry().exporters();
        let exporters = thread::scope(|threads| {
            let flushes: Vec<_> = exporters
                .iter()
                .map(|(id, exporter)| {
                    let flush =
                        thread::Builder::new().spawn_scoped(threads, move || exporter.flush(deadline));
                    (id, exporter, flush)
                })
                .collect();
            let report = |(id, exporter, flush): (&Arc<str>, &Arc<dyn Flush>, _)| {
                let flushed = match flush {
                    Ok(flush) => thread::ScopedJoinHandle::join(flush).unwrap_or_default(),
                    // No thread could be started.
                    Err(_) => exporter.flush(deadline),
                };
                let Written { written, lost, waiting, error } = flushed;
                ExporterReport { id: id.clone(), written, lost, waiting, error }
            };
            flushes.into_iter().map(report).collect()
        });
        let open_spans = self.registry().open_spans.open();
        let open_spans = open_spans.map(|(span, count)| OpenSpans { span, count }).collect();
        ShutdownReport { exporters, open_spans }
    }

    /// From here on, an event is written before the task that emits it continues.
    pub(crate) fn start_write_through(&self) {
        self.registry().writes_through.store(true, Ordering::Relaxed);
    }

    /// Returns whether the sinks stay attached although their guards are dropped, for the ends of open spans.
    pub(super) fn keeps_sinks(&self) -> bool {
        self.registry().writes_through.load(Ordering::Relaxed) && self.has_open_spans()
    }

    fn has_open_spans(&self) -> bool {
        self.registry().open_spans.open().next().is_some()
    }

    /// Registers an exporter that every [`shutdown`](Self::shutdown) flushes while it exists.
    pub(crate) fn flush_on_shutdown(&self, id: Arc<str>, exporter: Weak<dyn Flush>) {
        self.registry().add_exporter(id, exporter);
    }

    /// Counts a span that starts.
    #[inline]
    pub(crate) fn span_started(&self, span: SpanName) {
        self.registry().open_spans.start(span);
    }

    /// Counts a span whose end was emitted.
    #[inline]
    pub(crate) fn span_ended(&self, span: SpanName) {
        self.registry().open_spans.end(span);
    }
}
