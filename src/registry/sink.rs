//! Sinks: handlers that write from a thread of their own.
//!
//! A sink is a subscription that is read by a thread. The thread takes events in batches until the queue is empty and then
//! writes, so that a burst becomes one write. It counts what it wrote. A flush of the [`SinkGuard`] waits for that count to reach
//! the number of events that were queued before it, and asks the thread to write once it has taken so many, even if more are
//! queued. Detaching closes the queue, which ends the thread after the last event.

use std::io;
use std::mem;
use std::sync::Arc;
use std::thread;

use super::dispatch::{self, HandlerFailure, UserCall};
use super::error::AttachError;
use super::queue::Batch;
use super::sink_guard::{Progress, SinkGuard};
use super::subscribe::{SubscribeOptions, Subscription};
use super::telemetry::{Attachment, Telemetry};
use crate::event::{Event, EventName};

/// Writes events on a thread of its own: to a file, a terminal, a socket.
///
/// The emitting task only queues. If a sink cannot write, the events are counted as lost and the error is reported once, as
/// `telemetry.handler.failure` with kind `io`; the sink stays attached, and later writes may succeed. A sink that panics is
/// detached and reported with kind `panic`; what it has not written is lost, and counted.
///
/// # Examples
///
/// ```
/// use std::io::{self, Write};
/// use std::time::Duration;
/// use allm_telemetry::{prelude::*, Telemetry, handler::{Sink, SubscribeOptions}};
///
/// struct Names(Vec<u8>, Box<dyn Write + Send>);
///
/// impl Sink for Names {
///     fn take(&mut self, event: &Event<'_>) {
///         self.0.extend_from_slice(event.name().as_str().as_bytes());
///         self.0.push(b'\n');
///     }
///     fn write(&mut self, _lost: u64) -> io::Result<()> {
///         let written = self.1.write_all(&self.0);
///         self.0.clear();
///         written
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), allm_telemetry::handler::AttachError> {
/// let telemetry = Telemetry::new();
/// let names = Names(Vec::new(), Box::new(io::sink()));
/// let guard = telemetry.attach_sink("names", SpanName::Chat.events(), SubscribeOptions::new(1_024), names)?;
/// telemetry.scope(async {}.in_span_infallible(Span::chat())).await;
/// assert!(guard.flush(Duration::from_secs(5)).is_complete());
/// # Ok(())
/// # }
/// ```
pub trait Sink: Send + 'static {
    /// Takes an event. It is collected, and written later.
    fn take(&mut self, event: &Event<'_>);

    /// Returns whether so much is collected that it should be written although more events are queued.
    fn is_full(&self) -> bool {
        false
    }

    /// Writes what was collected. Called when no more events are queued, when a flush waits for what was collected, and when
    /// it [is full](Self::is_full). `lost` is how many events the queue has lost so far.
    ///
    /// # Errors
    ///
    /// If it cannot write. The events since the last write then count as lost.
    fn write(&mut self, lost: u64) -> io::Result<()>;

    /// Called after the last event. One [`write`](Self::write) follows.
    fn finish(&mut self) {}
}

impl Telemetry {
    /// Attaches a sink, which receives these events on a thread of its own.
    ///
    /// # Errors
    ///
    /// As for [`attach`](Self::attach).
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread, as [`std::thread::spawn`] does.
    pub fn attach_sink<N: TryInto<EventName, Error: Into<AttachError>>>(
        &self,
        id: impl Into<Arc<str>>,
        events: impl IntoIterator<Item = N>,
        options: SubscribeOptions,
        sink: impl Sink,
    ) -> Result<SinkGuard, AttachError> {
        let events = self.subscribe_with(id, events, options)?;
        let attachment = events.attachment.clone();
        let progress = Arc::new(Progress::new(events.counts()));
        let guard = SinkGuard { attachment: attachment.clone(), progress: progress.clone() };
        thread::spawn(move || {
            let Attachment { telemetry, id, .. } = &attachment;
            let mut worker =
                Worker { sink, taken: 0, is_reported: false, progress, attachment: attachment.clone() };
            // A panic drops the subscription, which detaches the sink: it only remains to be reported.
            let callee = UserCall { registry: telemetry.registry(), id, sequence: None, event: None };
            callee.call(move || worker.run(events));
        });
        Ok(guard)
    }

    /// Reports that a sink of your own cannot write: emits `telemetry.handler.failure` with kind `io`. Call it once when the
    /// failure begins, and not while the sink has to empty its queue for events to be emitted.
    pub fn sink_failed(&self, handler_id: &str, error: &io::Error) {
        self.report_sink(handler_id, "io", error.to_string());
    }

    /// Reports that a sink of your own which had [failed](Self::sink_failed) can write again: emits
    /// `telemetry.handler.failure` with kind `recovered`.
    pub fn sink_recovered(&self, handler_id: &str) {
        self.report_sink(handler_id, "recovered", "writes succeed again".to_owned());
    }

    fn report_sink(&self, handler_id: &str, kind: &'static str, reason: String) {
        let failure = HandlerFailure { event: None, handler_id, kind, reason, stacktrace: None };
        dispatch::report(self.registry(), failure);
    }
}

/// The sink's side, on a thread of its own.
struct Worker<S> {
    sink: S,
    /// Events since the last write.
    taken: u64,
    /// An error was reported: there is one report for a sink.
    is_reported: bool,
    progress: Arc<Progress>,
    attachment: Attachment,
}

impl<S: Sink> Worker<S> {
    /// Works until the subscription ends, because the sink was detached.
    fn run(&mut self, events: Subscription) {
        let mut batch = Batch::default();
        while events.queue.wait_for_batch(&mut batch) {
            for event in batch.events.drain(..) {
                self.sink.take(&event.as_event());
                self.taken += 1;
                if self.sink.is_full() {
                    self.write();
                }
            }
            let is_more_queued = events.queue.release(&mut batch);
            if !is_more_queued || self.progress.is_flush_due(self.taken) {
                self.write();
            }
        }
        drop(events);
        self.sink.finish();
        self.write();
    }

    fn write(&mut self) {
        let written = self.sink.write(self.progress.queue.lost());
        self.progress.add(mem::take(&mut self.taken), written.is_ok());
        if let Err(error) = written
            && !mem::replace(&mut self.is_reported, true)
        {
            let Attachment { telemetry, id, .. } = self.attachment.clone();
            // On another thread: the report itself may wait for a place in the queue that this thread empties.
            thread::spawn(move || telemetry.sink_failed(&id, &error));
        }
    }
}

impl<S> Drop for Worker<S> {
    fn drop(&mut self) {
        self.progress.end();
    }
}
