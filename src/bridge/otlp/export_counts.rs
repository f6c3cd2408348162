use tokio::sync::watch;

use super::report::Counts;

/// What became of an export.
#[derive(Debug)]
pub(super) enum ExportResult {
    /// The collector accepted it, except for some items, and said why.
    Accepted { rejected: u64, message: String },
    /// The collector does not have it, and why.
    Failed(String),
    /// Not known, and why.
    Unanswered(String),
}

impl ExportResult {
    /// Returns why not all of `count` items were accepted.
    pub(super) fn failure(&self, count: u64) -> Option<String> {
        match self {
            Self::Accepted { rejected: 0, .. } => None,
            Self::Accepted { rejected, message } => {
                let rejected = count.min(*rejected);
                let why = if message.is_empty() { String::new() } else { format!(": {message}") };
                Some(format!("the collector rejected {rejected} of {count}{why}"))
            }
            Self::Failed(why) | Self::Unanswered(why) => Some(why.clone()),
        }
    }
}

/// The counts behind a [`Report`](super::Report), updated with each export. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct ExportCounts(watch::Sender<State>);

/// How much may wait to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    pub(super) items: u64,
    pub(super) bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    /// Put into the queue since the start.
    admitted: u64,
    /// How many of those have a result.
    settled: u64,
    /// The size of those that have none.
    waiting_bytes: usize,
    /// The results, without what is still waiting.
    counts: Counts,
    last_failure: Option<String>,
}

impl ExportCounts {
    /// Counts one more as waiting, and returns true; returns false if too many or too large ones wait already.
    pub(super) fn admit(&self, bytes: usize, capacity: Capacity) -> bool {
        let mut has_place = false;
        self.0.send_if_modified(|state| {
            let waiting = state.admitted - state.settled;
            has_place = waiting < capacity.items && state.waiting_bytes + bytes <= capacity.bytes;
            if has_place {
                state.admitted += 1;
                state.waiting_bytes += bytes;
            } else {
                state.counts.queue_full += 1;
            }
            // Only results are waited for. This runs in the task whose span ends, so it wakes nothing.
            false
        });
        has_place
    }

    /// Counts items that do not wait in a queue.
    pub(super) fn admit_all(&self, count: u64) {
        self.0.send_modify(|state| state.admitted += count);
    }

    /// Counts the result of a request with `count` items, which took `bytes` in the queue.
    pub(super) fn settle(&self, count: u64, bytes: usize, result: &ExportResult) {
        self.0.send_modify(|state| {
            state.settled += count;
            state.waiting_bytes = state.waiting_bytes.saturating_sub(bytes);
            match result {
                ExportResult::Accepted { rejected, .. } => {
                    let rejected = count.min(*rejected);
                    state.counts.exported += count - rejected;
                    state.counts.failed += rejected;
                }
                ExportResult::Failed(_) => state.counts.failed += count,
                ExportResult::Unanswered(_) => state.counts.unknown += count,
            }
            // An export that succeeds does not erase why an earlier one failed.
            if let Some(why) = result.failure(count) {
                state.last_failure = Some(why);
            }
        });
    }

    /// Waits until everything that was admitted before this call is settled. Items are sent in order.
    pub(super) async fn settled(&self) {
        let mut results = self.0.subscribe();
        let all = results.borrow().admitted;
        // The sender is a field of `self`, so it is not dropped meanwhile.
        let _ = results.wait_for(|state| state.settled >= all).await;
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.0.borrow();
        let waiting = state.admitted - state.settled;
        Counts { unknown: state.counts.unknown + waiting, ..state.counts }
    }

    pub(super) fn last_failure(&self) -> Option<String> {
        self.0.borrow().last_failure.clone()
    }
}
