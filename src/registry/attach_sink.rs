//! Sinks: handlers that write from a thread of their own.
//!
//! A sink is a subscription that is read by a thread. The thread takes events in batches until the queue is empty and then
//! writes, so that a burst becomes one write. It counts what it wrote. A flush of the [`SinkGuard`] waits for that count to reach
//! the number of events that were queued before it, and asks the thread to write once it has taken so many, even if more are
//! queued. Detaching closes the queue, which ends the thread after the last event.

use std::io;
use std::sync::Arc;
use std::thread;

use super::dispatch::{self, HandlerFailure, UserCall};
use super::error::AttachError;
use super::flush::Flush;
use super::sink::Sink;
use super::sink_guard::{Progress, SinkGuard};
use super::sink_worker::Worker;
use super::subscribe::SubscribeOptions;
use super::telemetry::{Attachment, Telemetry};
use crate::event::EventName;

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
        let exporter: Arc<dyn Flush> = progress.clone();
        self.flush_on_shutdown(attachment.id.clone(), Arc::downgrade(&exporter));
        let guard = SinkGuard { attachment: attachment.clone(), progress: progress.clone() };
        thread::spawn(move || {
            let Attachment { telemetry, id, .. } = &attachment;
            let mut worker = Worker::new(sink, progress, attachment.clone());
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
