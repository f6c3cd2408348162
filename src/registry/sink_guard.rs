use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::sink::{Ask, Progress};
use super::telemetry::Telemetry;

/// Keeps a sink attached. Dropped, it writes what is queued, for up to five seconds, and detaches.
///
/// A sink that is stuck then is detached all the same: no call waits for it any more, and what is queued is written only
/// if it comes back.
#[must_use = "dropping it detaches"]
pub struct SinkGuard {
    pub(super) telemetry: Telemetry,
    pub(super) id: Arc<str>,
    pub(super) sequence: u64,
    pub(super) ask: UnboundedSender<Ask>,
    pub(super) progress: Arc<Progress>,
}

/// What a flush found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says what was lost"]
pub struct Flushed {
    /// Events that were lost since the sink was attached: the queue was full, or they could not be written.
    pub lost: u64,
    /// Events that were not written by the deadline. They may still be.
    pub waiting: u64,
}

impl Flushed {
    /// Whether every event so far is written.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.lost == 0 && self.waiting == 0
    }
}

impl SinkGuard {
    const DROP_DEADLINE: Duration = Duration::from_secs(5);

    /// How many events were lost so far: the queue was full, or they could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.progress.lost()
    }

    /// Waits until what was emitted before this call is written, or the deadline has passed. Blocks the thread: in
    /// async code call it at the end of `main`, or from `spawn_blocking`.
    pub fn flush(&self, deadline: Duration) -> Flushed {
        self.wait(Ask::Flush, deadline)
    }

    fn wait(&self, ask: fn(SyncSender<()>) -> Ask, deadline: Duration) -> Flushed {
        let (done, wait) = sync_channel(1);
        let in_time = self.ask.send(ask(done)).is_ok() && wait.recv_timeout(deadline).is_ok();
        // If there is nobody to ask, the thread has ended: it wrote all there was, or it panicked.
        let waiting = if in_time { 0 } else { self.progress.waiting() };
        Flushed { lost: self.progress.lost(), waiting }
    }
}

impl Drop for SinkGuard {
    fn drop(&mut self) {
        let _ = self.wait(Ask::Close, Self::DROP_DEADLINE);
        // The thread has done it, unless the sink is stuck.
        self.telemetry.detach_numbered(&self.id, self.sequence);
    }
}

impl fmt::Debug for SinkGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkGuard").field("id", &self.id).field("lost", &self.lost()).finish_non_exhaustive()
    }
}
