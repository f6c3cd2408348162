use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::writer::Shared;
use crate::registry::Telemetry;

/// Keeps a [`JsonLines`](super::JsonLines) attached. Dropped, it flushes for up to five seconds and detaches.
#[must_use = "dropping it detaches"]
pub struct JsonLinesGuard {
    id: Arc<str>,
    telemetry: Telemetry,
    flushes: UnboundedSender<std::sync::mpsc::SyncSender<()>>,
    shared: Arc<Shared>,
}

/// What a flush found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says what was lost"]
pub struct Flushed {
    /// Events that were lost since it was attached: the queue was full, or they could not be written.
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

impl JsonLinesGuard {
    const DROP_DEADLINE: Duration = Duration::from_secs(5);

    pub(super) fn new(
        id: Arc<str>,
        telemetry: Telemetry,
        flushes: UnboundedSender<std::sync::mpsc::SyncSender<()>>,
        shared: Arc<Shared>,
    ) -> Self {
        Self { id, telemetry, flushes, shared }
    }

    /// How many events were lost so far: the queue was full, or they could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost()
    }

    /// Waits until what was emitted before this call is written, or the deadline has passed. Blocks the thread: in
    /// async code call it at the end of `main`, or from `spawn_blocking`.
    pub fn flush(&self, deadline: Duration) -> Flushed {
        let (done, wait) = sync_channel(1);
        // An error means that the thread has ended, having written all there was.
        let in_time = self.flushes.send(done).is_err() || wait.recv_timeout(deadline).is_ok();
        let waiting = if in_time { 0 } else { self.shared.waiting().max(1) };
        Flushed { lost: self.shared.lost(), waiting }
    }
}

impl Drop for JsonLinesGuard {
    fn drop(&mut self) {
        let _ = self.flush(Self::DROP_DEADLINE);
        // It may have been detached by its id already.
        let _ = self.telemetry.detach(&self.id);
    }
}

impl fmt::Debug for JsonLinesGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLinesGuard").field("id", &self.id).field("lost", &self.lost()).finish_non_exhaustive()
    }
}
