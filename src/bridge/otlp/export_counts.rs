use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::report::Counts;

/// What became of an export.
#[derive(Debug)]
pub(super) enum ExportResult {
    /// The collector accepted it, except for some items.
    Accepted { rejected: u64 },
    /// The collector does not have it, and why.
    Failed(String),
    /// Not known, and why.
    Unanswered(String),
}

/// The counts behind a [`Report`](super::Report), updated with each export.
#[derive(Debug, Default)]
pub(super) struct ExportCounts {
    /// Put into the queue since the start.
    admitted: AtomicU64,
    waiting: AtomicU64,
    exported: AtomicU64,
    queue_full: AtomicU64,
    failed: AtomicU64,
    unanswered: AtomicU64,
    last_failure: Mutex<Option<String>>,
    /// How many of those admitted have a result.
    settled: watch::Sender<u64>,
}

impl ExportCounts {
    /// Counts one more as waiting, and returns true; returns false if as many as `capacity` wait already.
    pub(super) fn admit(&self, capacity: u64) -> bool {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < capacity {
            self.admitted.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.queue_full.fetch_add(1, Ordering::Relaxed);
        false
    }

    /// Counts the result of an export of `count` items.
    pub(super) fn settle(&self, count: u64, result: ExportResult) {
        match result {
            ExportResult::Accepted { rejected } => {
                let rejected = rejected.min(count);
                self.exported.fetch_add(count - rejected, Ordering::Relaxed);
                self.failed.fetch_add(rejected, Ordering::Relaxed);
                if rejected > 0 {
                    self.set_last_failure(format!("the collector rejected {rejected} of {count}"));
                }
            }
            ExportResult::Failed(why) => {
                self.failed.fetch_add(count, Ordering::Relaxed);
                self.set_last_failure(why);
            }
            ExportResult::Unanswered(why) => {
                self.unanswered.fetch_add(count, Ordering::Relaxed);
                self.set_last_failure(why);
            }
        }
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        self.settled.send_modify(|settled| *settled += count);
    }

    /// Waits until everything that was admitted before this call is settled. Items are sent in order.
    pub(super) async fn settled(&self) {
        let mut settled = self.settled.subscribe();
        let all = self.admitted.load(Ordering::Relaxed);
        // The sender is a field of `self`, so it is not dropped meanwhile.
        let _ = settled.wait_for(|settled| *settled >= all).await;
    }

    pub(super) fn counts(&self) -> Counts {
        let [exported, queue_full, failed, unanswered, waiting] =
            [&self.exported, &self.queue_full, &self.failed, &self.unanswered, &self.waiting]
                .map(|count| count.load(Ordering::Relaxed));
        Counts { exported, queue_full, failed, unknown: unanswered + waiting }
    }

    pub(super) fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_last_failure(&self, why: String) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}
