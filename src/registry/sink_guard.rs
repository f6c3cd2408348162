use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::flush::{Flush, Written};
use super::queue::{Queue, QueueCounts};
use super::telemetry::Attachment;

/// What became of the events, written by the sink's thread and read by its guard.
pub(super) struct Progress {
    pub(super) queue: QueueCounts,
    state: Mutex<State>,
    changed: Condvar,
    /// An event was not written in time after a shutdown: no other waits for the thread.
    is_stuck: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Events that were written or have failed, the first in the queue first.
    done: u64,
    failed: u64,
    /// The latest error.
    error: Option<Arc<io::Error>>,
    /// A guard waits until so many are done.
    wanted: u64,
    /// The thread has ended: what is not done by now never will be.
    is_over: bool,
}

impl Progress {
    /// How long an event waits for its write after a shutdown.
    const WRITE_DEADLINE: Duration = Duration::from_secs(1);

    pub(super) fn new(queue: QueueCounts) -> Self {
        Self { queue, state: Mutex::default(), changed: Condvar::new(), is_stuck: AtomicBool::new(false) }
    }

    /// Returns whether a guard waits for one of the events that the thread has taken and not written.
    pub(super) fn is_flush_due(&self, taken: u64) -> bool {
        let state = self.lock();
        state.done < state.wanted && state.wanted <= state.done + taken
    }

    /// Counts events as written, or as failed.
    pub(super) fn add(&self, count: u64, error: Option<&Arc<io::Error>>) {
        let mut state = self.lock();
        state.done += count;
        if let Some(error) = error {
            state.failed += count;
            state.error = Some(error.clone());
        }
        self.changed.notify_all();
    }

    /// Stores an error by which no event is lost.
    pub(super) fn failed(&self, error: &Arc<io::Error>) {
        self.lock().error = Some(error.clone());
    }

    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    /// Waits until so many events are done, or none will be any more. Returns how many are missing at the deadline.
    fn wait_for(&self, wanted: u64, deadline: Duration) -> u64 {
        let mut state = self.lock();
        state.wanted = state.wanted.max(wanted);
        let is_waiting = |state: &mut State| state.done < wanted && !state.is_over;
        let waited = self.changed.wait_timeout_while(state, deadline, is_waiting);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_over { 0 } else { wanted.saturating_sub(state.done) }
    }

    /// Events that will never be written.
    fn lost(&self) -> u64 {
        let state = self.lock();
        let left_behind = if state.is_over { self.queue.accepted() - state.done } else { 0 };
        self.queue.lost() + state.failed + left_behind
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flush for Progress {
    fn flush(&self, deadline: Duration) -> Written {
        let waiting = self.wait_for(self.queue.accepted(), deadline);
        let state = self.lock();
        let (written, error) = (state.done - state.failed, state.error.as_ref().map(ToString::to_string));
        drop(state);
        Written { written, lost: self.lost(), waiting, error }
    }

    fn write_through(&self) {
        // One that is stuck holds up one event, not each.
        if !self.is_stuck.load(Ordering::Relaxed)
            && self.wait_for(self.queue.accepted(), Self::WRITE_DEADLINE) > 0
        {
            self.is_stuck.store(true, Ordering::Relaxed);
        }
    }
}

/// Keeps a sink attached. Dropping it writes what is queued, for up to five seconds, and detaches the sink.
///
/// Bind it to a named variable: `let _ = telemetry.attach_sink(…)?` drops it at once, and nothing is written. A sink that
/// is stuck when the guard is dropped is detached all the same: no call waits for it any more, and what is queued is
/// written only if it continues. After a [shutdown](crate::Telemetry::shutdown), a guard that is dropped while spans are open leaves
/// its sink attached, so that their ends are written.
#[must_use = "bind it to a named variable (`let _guard = …`): `let _ = …` drops it at once, which detaches the sink"]
pub struct SinkGuard {
    pub(super) attachment: Attachment,
    pub(super) progress: Arc<Progress>,
}

/// The result of a flush.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[must_use = "it says whether events were lost or are still waiting"]
pub struct Flushed {
    /// Events that were lost since the sink was attached: the queue was full, or they could not be written.
    pub lost: u64,
    /// Events that were not written by the deadline. They may be written later.
    pub waiting: u64,
    /// The latest error since the sink was attached: why events could not be written, or why it could not
    /// [open its file again](SinkGuard::reopen).
    pub error: Option<Arc<io::Error>>,
}

impl Flushed {
    /// Returns whether every event so far is written.
    #[must_use]
    pub fn is_complete(&self) -> bool {
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
        let waiting = self.progress.wait_for(self.progress.queue.accepted(), deadline);
        Flushed { lost: self.lost(), waiting, error: self.progress.lock().error.clone() }
    }

    /// Asks the sink to open its file again, so that a file can be rotated. See [`ReopenHandle::reopen`].
    pub fn reopen(&self) {
        self.reopen_handle().reopen();
    }

    /// Returns a handle for the task that waits for the signal to rotate. It does not keep the sink attached.
    #[must_use]
    pub fn reopen_handle(&self) -> ReopenHandle {
        ReopenHandle(self.progress.queue.0.clone())
    }
}

/// Asks a sink to open its file again. Returned by [`SinkGuard::reopen_handle`].
///
/// The module [`json_lines`](crate::bridge::json_lines) shows how to use it with logrotate.
#[derive(Clone)]
pub struct ReopenHandle(Arc<Queue>);

impl ReopenHandle {
    /// Asks the sink to [open its file again](crate::handler::Sink::reopen), and returns at once.
    ///
    /// What is emitted after this call is written to the new file; what was emitted before, to the old one or to the new one. If
    /// the file cannot be opened, the sink continues with the old one and no event is lost. The error is reported as
    /// `telemetry.handler.failure` with kind `io`, and returned by the next [flush](SinkGuard::flush). Does nothing if the sink is
    /// detached, or has no file.
    pub fn reopen(&self) {
        self.0.request_reopen();
    }
}

impl fmt::Debug for ReopenHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReopenHandle").finish_non_exhaustive()
    }
}

impl Drop for SinkGuard {
    fn drop(&mut self) {
        if self.attachment.telemetry.keeps_sinks() {
            self.progress.wait_for(self.progress.queue.accepted(), Self::DROP_DEADLINE);
            return;
        }
        self.attachment.detach();
        // No more events are accepted, so the thread ends after those that are queued, before so many are done.
        self.progress.wait_for(u64::MAX, Self::DROP_DEADLINE);
    }
}

impl fmt::Debug for SinkGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkGuard")
            .field("id", &self.attachment.id)
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}
