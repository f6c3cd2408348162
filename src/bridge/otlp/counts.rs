use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// What became of what was to be sent. Each was counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// The collector said that it has them.
    pub exported: u64,
    /// The queue was full, so they were dropped at once.
    pub queue_full: u64,
    /// The collector refused them, or could not be reached.
    pub failed: u64,
    /// Nobody can tell: they were sent and no answer came that could be read, or they still wait to be sent.
    pub unknown: u64,
}

impl Counts {
    /// Whether the collector has all of them.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.queue_full == 0 && self.failed == 0 && self.unknown == 0
    }
}

/// What became of all that a [`Pipeline`](super::Pipeline) was to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says whether spans or metrics were lost"]
pub struct Report {
    /// Spans that were sampled.
    pub spans: Counts,
    /// Exports of all metrics. One that fails loses little: with cumulative temporality, the default, the next one
    /// tells what it would have told.
    pub metrics: Counts,
    /// Why the last export that did not arrive did not, if one did not.
    pub last_failure: Option<String>,
}

impl Report {
    /// Whether the collector has everything.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.spans.is_complete() && self.metrics.is_complete()
    }
}

/// What became of an export.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The collector has them, but for so many.
    Accepted { rejected: u64 },
    /// It does not have them.
    Failed(String),
    /// Nobody can tell.
    Unanswered(String),
}

/// Counts as it goes.
#[derive(Debug, Default)]
pub(super) struct ExportCounts {
    admitted: AtomicU64,
    waiting: AtomicU64,
    exported: AtomicU64,
    queue_full: AtomicU64,
    failed: AtomicU64,
    unanswered: AtomicU64,
    last_failure: Mutex<Option<String>>,
    /// How many have an answer, or will have none.
    settled: watch::Sender<u64>,
}

impl ExportCounts {
    /// One more waits, if there is room.
    pub(super) fn admit(&self, capacity: u64) -> bool {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < capacity {
            self.admitted.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.queue_full.fetch_add(1, Ordering::Relaxed);
        false
    }

    pub(super) fn settle(&self, count: u64, verdict: Verdict) {
        match verdict {
            Verdict::Accepted { rejected } => {
                let rejected = rejected.min(count);
                self.exported.fetch_add(count - rejected, Ordering::Relaxed);
                self.failed.fetch_add(rejected, Ordering::Relaxed);
                if rejected > 0 {
                    self.blame(format!("the collector rejected {rejected} of {count}"));
                }
            }
            Verdict::Failed(why) => {
                self.failed.fetch_add(count, Ordering::Relaxed);
                self.blame(why);
            }
            Verdict::Unanswered(why) => {
                self.unanswered.fetch_add(count, Ordering::Relaxed);
                self.blame(why);
            }
        }
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        self.settled.send_modify(|settled| *settled += count);
    }

    /// Waits until all that were admitted before are settled. They are sent in order.
    pub(super) async fn settled(&self) {
        let mut settled = self.settled.subscribe();
        let all = self.admitted.load(Ordering::Relaxed);
        // The sender lives as long as `self`.
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

    fn blame(&self, why: String) {
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exported, queue_full, failed, unknown } = self;
        write!(f, "{exported} exported, {queue_full} queue full, {failed} failed, {unknown} unknown")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spans: {}; metrics: {}", self.spans, self.metrics)?;
        match &self.last_failure {
            Some(why) => write!(f, "; last failure: {why}"),
            None => Ok(()),
        }
    }
}
