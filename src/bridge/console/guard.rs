use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::writer::{Ask, Shared};

/// Keeps a [`Console`](super::Console) attached. Dropped, it detaches, after what was emitted is shown; requests that
/// still run are shown as far as they went. It waits for that two seconds at most.
#[must_use = "dropping it detaches"]
pub struct ConsoleGuard {
    id: Arc<str>,
    ask: UnboundedSender<Ask>,
    shared: Arc<Shared>,
}

/// What a flush found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says what was lost"]
pub struct Flushed {
    /// Events that were lost since it was attached: the queue was full, or they could not be written.
    pub lost: u64,
    /// Events that were not shown by the deadline. They may still be.
    pub waiting: u64,
}

impl Flushed {
    /// Whether every event so far is shown.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.lost == 0 && self.waiting == 0
    }
}

impl ConsoleGuard {
    const DROP_DEADLINE: Duration = Duration::from_secs(2);

    pub(super) fn new(id: Arc<str>, ask: UnboundedSender<Ask>, shared: Arc<Shared>) -> Self {
        Self { id, ask, shared }
    }

    /// How many events were lost so far: the queue was full, or they could not be written.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost()
    }

    /// Waits until what was emitted before this call is shown, or the deadline has passed. Blocks the thread.
    ///
    /// A request that is held back, because others run beside it, counts as shown: it comes whole when it ends.
    pub fn flush(&self, deadline: Duration) -> Flushed {
        self.ask(deadline, Ask::Flush)
    }

    fn ask(&self, deadline: Duration, ask: impl FnOnce(std::sync::mpsc::SyncSender<()>) -> Ask) -> Flushed {
        let (done, wait) = sync_channel(1);
        // A thread that has ended has shown all there was.
        let in_time = self.ask.send(ask(done)).is_err()
            || wait.recv_timeout(deadline) != Err(RecvTimeoutError::Timeout);
        let waiting = if in_time { 0 } else { self.shared.waiting().max(1) };
        Flushed { lost: self.shared.lost(), waiting }
    }
}

impl Drop for ConsoleGuard {
    fn drop(&mut self) {
        let _ = self.ask(Self::DROP_DEADLINE, Ask::Close);
    }
}

impl fmt::Debug for ConsoleGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleGuard")
            .field("id", &self.id)
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}
