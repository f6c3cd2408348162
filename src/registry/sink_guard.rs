use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::queue::QueueCounts;
use super::telemetry::Telemetry;

/// What a guard asks of the sink's thread.
pub(super) struct Ask {
    /// To write what was emitted so far, and with `close` to end after that.
    pub(super) close: bool,
    /// The answer: it is done.
    pub(super) done: SyncSender<()>,
}

/// What became of the events, written by the sink's thread and read by its guard.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) queue: QueueCounts,
    pub(super) written: AtomicU64,
    pub(super) failed: AtomicU64,
    /// The thread has ended: what is not written by now never will be.
    pub(super) is_over: AtomicBool,
}

impl Progress {
    pub(super) fn new(queue: QueueCounts) -> Self {
        let (written, failed) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { queue, written, failed, is_over: AtomicBool::new(false) }
    }

    /// Events that were accepted, and neither written nor failed.
    fn unwritten(&self) -> u64 {
        let done = self.written.load(Ordering::Relaxed).saturating_add(self.failed.load(Ordering::Relaxed));
        self.queue.accepted().saturating_sub(done)
    }

    /// Events that will never be written.
    fn lost(&self) -> u64 {
        let failed = self.failed.load(Ordering::Relaxed);
        let left_behind = if self.is_over.load(Ordering::Acquire) { self.unwritten() } else { 0 };
        self.queue.lost().saturating_add(failed).saturating_add(left_behind)
    }

    /// Events that are queued, or collected and not written.
    fn waiting(&self) -> u64 {
        if self.is_over.load(Ordering::Acquire) { 0 } else { self.unwritten() }
    }
}

/// Keeps a sink attached. Dropping it writes what is queued, for up to five seconds, and detaches the sink.
///
/// Bind it to a named variable: `let _ = telemetry.attach_sink(…)?` drops it at once, and nothing is written. A sink that
/// is stuck when the guard is dropped is detached all the same: no call waits for it any more, and what is queued is
/// written only if it continues.
#[must_use = "bind it to a named variable (`let _guard = …`): `let _ = …` drops it at once, which detaches the sink"]
pub struct SinkGuard {
    pub(super) telemetry: Telemetry,
    pub(super) id: Arc<str>,
    pub(super) sequence: u64,
    pub(super) ask: UnboundedSender<Ask>,
    pub(super) progress: Arc<Progress>,
}

/// The result of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says whether events were lost or are still waiting"]
pub struct Flushed {
    /// Events that were lost since the sink was attached: the queue was full, or they could not be written.
    pub lost: u64,
    /// Events that were not written by the deadline. They may be written later.
    pub waiting: u64,
}

impl Flushed {
    /// Returns whether every event so far is written.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.lost == 0 && self.waiting == 0
    }
}

impl SinkGuard {
    const DROP_DEADLINE: Duration = Duration::from_secs(5);

    /// Returns how many events were lost so far: the queue was full, or they could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.progress.lost()
    }

    /// Waits until what was emitted before this call is written, or the deadline has passed. It blocks the thread: in
    /// async code, call it at the end of `main` or in `spawn_blocking`.
    pub fn flush(&self, deadline: Duration) -> Flushed {
        self.ask(false, deadline)
    }

    fn ask(&self, close: bool, deadline: Duration) -> Flushed {
        let (done, answer) = sync_channel(1);
        let in_time = self.ask.send(Ask { close, done }).is_ok() && answer.recv_timeout(deadline).is_ok();
        // Without an answer the thread is late, or it has ended: then nothing waits any more.
        let waiting = if in_time { 0 } else { self.progress.waiting() };
        Flushed { lost: self.progress.lost(), waiting }
    }
}

impl Drop for SinkGuard {
    fn drop(&mut self) {
        let _ = self.ask(true, Self::DROP_DEADLINE);
        // The thread has detached it, unless the sink is stuck.
        self.telemetry.detach_numbered(&self.id, self.sequence);
    }
}

impl fmt::Debug for SinkGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkGuard").field("id", &self.id).field("lost", &self.lost()).finish_non_exhaustive()
    }
}
