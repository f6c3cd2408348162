use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::queue::{Batch, Next};
use super::sink::Sink;
use super::sink_guard::Progress;
use super::subscribe::Subscription;
use super::telemetry::Attachment;

/// A sink on its thread.
pub(super) struct Worker<S> {
    sink: S,
    /// Events since the last write.
    taken: u64,
    /// The last write failed. The failure has been reported.
    is_write_failing: bool,
    /// The file could not be opened again when this was last requested.
    is_reopen_failing: bool,
    progress: Arc<Progress>,
    reporter: Reporter,
}

impl<S: Sink> Worker<S> {
    pub(super) fn new(sink: S, progress: Arc<Progress>, attachment: Attachment) -> Self {
        let reporter = Reporter { attachment, thread: None };
        Self { sink, taken: 0, is_write_failing: false, is_reopen_failing: false, progress, reporter }
    }

    /// Works until the subscription ends, because the sink was detached.
    pub(super) fn run(&mut self, events: Subscription) {
        let mut batch = Batch::default();
        loop {
            match events.queue.wait_for_batch(&mut batch) {
                Next::Batch => {}
                Next::Reopen => {
                    self.reopen();
                    continue;
                }
                Next::End => break,
            }
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
        let written = self.sink.write(self.progress.queue.lost()).map_err(Arc::new);
        let count = mem::take(&mut self.taken);
        self.progress.add(count, written.as_ref().err());
        if count == 0 && written.is_ok() {
            // There was nothing to write, so nothing is known.
            return;
        }
        let was_failing = mem::replace(&mut self.is_write_failing, written.is_err());
        match written {
            Err(error) if !was_failing => self.reporter.send(Report::Failed(error)),
            Ok(()) if was_failing => self.recovered(),
            _ => {}
        }
    }

    fn reopen(&mut self) {
        // To the old file.
        self.write();
        let reopened = self.sink.reopen().map_err(Arc::new);
        let was_failing = mem::replace(&mut self.is_reopen_failing, reopened.is_err());
        match reopened {
            // Each time, because each time the user has asked for it.
            Err(error) => {
                self.progress.failed(&error);
                self.reporter.send(Report::Failed(error));
            }
            Ok(()) if was_failing => self.recovered(),
            Ok(()) => {}
        }
    }

    fn recovered(&mut self) {
        if !self.is_write_failing && !self.is_reopen_failing {
            self.reporter.send(Report::Recovered);
        }
    }
}

impl<S> Drop for Worker<S> {
    fn drop(&mut self) {
        self.progress.end();
    }
}

enum Report {
    Failed(Arc<io::Error>),
    Recovered,
}

/// Reports failures, in order, on another thread: a report is an event, which may wait for room in the queue that the sink's
/// thread empties.
struct Reporter {
    attachment: Attachment,
    /// Started for the first report.
    thread: Option<SyncSender<Report>>,
}

impl Reporter {
    /// How many reports may wait for one that a handler blocks. Further ones are dropped.
    const MAX_WAITING: usize = 16;

    fn send(&mut self, report: Report) {
        let thread = self.thread.get_or_insert_with(|| {
            let (sender, reports) = sync_channel(Self::MAX_WAITING);
            let Attachment { telemetry, id, .. } = self.attachment.clone();
            thread::spawn(move || {
                for report in reports {
                    match report {
                        Report::Failed(error) => telemetry.sink_failed(&id, &error),
                        Report::Recovered => telemetry.sink_recovered(&id),
                    }
                }
            });
            sender
        });
        let _ = thread.try_send(report);
    }
}
