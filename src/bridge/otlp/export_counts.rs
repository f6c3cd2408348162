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

/// The counts behind a [`Report`](super::Report), updated with each export. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct ExportCounts(watch::Sender<State>);

#[derive(Debug, Default)]
struct State {
    /// Put into the queue since the start.
    admitted: u64,
    /// How many of those have a result.
    settled: u64,
    /// The results, without what is still waiting.
    counts: Counts,
    last_failure: Option<String>,
}

impl ExportCounts {
    /// Counts one more as waiting, and returns true; returns false if as many as `capacity` wait already.
    pub(super) fn admit(&self, capacity: u64) -> bool {
        let mut has_place = false;
        self.0.send_if_modified(|state| {
            has_place = state.admitted - state.settled < capacity;
            let count = if has_place { &mut state.admitted } else { &mut state.counts.queue_full };
            *count += 1;
            // Only results are waited for. This runs in the task whose span ends, so it wakes nothing.
            false
        });
        has_place
    }

    /// Counts the result of an export of `count` items.
    pub(super) fn settle(&self, count: u64, result: ExportResult) {
        self.0.send_modify(|state| {
            state.settled += count;
            let failure = match result {
                ExportResult::Accepted { rejected } => {
                    let rejected = rejected.min(count);
                    state.counts.exported += count - rejected;
                    state.counts.failed += rejected;
                    (rejected > 0).then(|| format!("the collector rejected {rejected} of {count}"))
                }
                ExportResult::Failed(why) => {
                    state.counts.failed += count;
                    Some(why)
                }
                ExportResult::Unanswered(why) => {
                    state.counts.unknown += count;
                    Some(why)
                }
            };
            // An export that succeeds does not erase why an earlier one failed.
            if failure.is_some() {
                state.last_failure = failure;
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
