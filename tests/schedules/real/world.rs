//! What all tasks of a run share.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::Waker;

use allm_telemetry::{Telemetry, event::Clock};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::actor::Held;
use super::witness::Witness;
use crate::log::Key;
use crate::plan::Act;

thread_local! {
    /// What is to be done by the poll that is under way.
    pub(super) static COMMAND: RefCell<Option<Command>> = const { RefCell::new(None) };
}

/// What somebody is to do. Without an act, it is just a wake-up.
pub(super) struct Command {
    /// The rest of the way from whoever gets it to the one who acts.
    pub(super) path: VecDeque<Key>,
    pub(super) act: Act,
}

/// Milliseconds that pass when the program says so.
#[derive(Clone, Default)]
pub(super) struct HandClock(Arc<AtomicU64>);

impl HandClock {
    pub(super) fn tick(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Clock for HandClock {
    fn monotonic(&self) -> u64 {
        self.now() * 1_000_000
    }

    fn system(&self, monotonic: u64) -> u64 {
        monotonic
    }
}

/// Where time comes from: tokio's paused clock, or one of the test's own.
pub(super) enum Time {
    Paused { began: Instant },
    ByHand(HandClock),
}

pub(super) struct World {
    pub(super) telemetry: Telemetry,
    pub(super) witness: Arc<Witness>,
    pub(super) time: Time,
    shared: Mutex<Shared>,
    rested: Condvar,
}

#[derive(Default)]
pub(super) struct Shared {
    /// What tasks are still to do: `None` is a wake-up.
    mailboxes: HashMap<Key, VecDeque<Option<Command>>>,
    /// The waker that each span's work was polled with last.
    pub(super) wakers: HashMap<Key, Waker>,
    pub(super) tasks: HashMap<Key, AbortHandle>,
    pub(super) moved: Option<Held>,
    /// How many commands, first polls and aborts are under way.
    busy: usize,
}

impl World {
    pub(super) fn new(telemetry: Telemetry, witness: Witness, time: Time) -> Self {
        let (shared, rested) = (Mutex::default(), Condvar::new());
        Self { telemetry, witness: Arc::new(witness), time, shared, rested }
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("nobody panics with it")
    }

    /// Tells a task what to do, and wakes it by the waker that came through to the work of its span.
    pub(super) fn send(&self, task: Key, command: Option<Command>) {
        let mut shared = self.shared();
        shared.busy += 1;
        shared.mailboxes.entry(task).or_default().push_back(command);
        // A task that was not polled yet looks into its mailbox then.
        let waker = shared.wakers.get(&task).cloned();
        drop(shared);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn has_mail(&self, task: Key) -> bool {
        self.shared().mailboxes.get(&task).is_some_and(|mail| !mail.is_empty())
    }

    pub(super) fn next(&self, task: Key) -> Option<Option<Command>> {
        self.shared().mailboxes.get_mut(&task)?.pop_front()
    }

    pub(super) fn begin(&self) {
        self.shared().busy += 1;
    }

    pub(super) fn done(&self) {
        let mut shared = self.shared();
        shared.busy = shared.busy.saturating_sub(1);
        if shared.busy == 0 {
            self.rested.notify_all();
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.shared().busy > 0
    }

    /// Waits until all tasks have done what they were told.
    pub(super) fn rest(&self) {
        let limit = std::time::Duration::from_secs(10);
        let waited = self.rested.wait_timeout_while(self.shared(), limit, |shared| shared.busy > 0);
        if waited.expect("nobody panics with it").1.timed_out() {
            self.witness.wrong("a task was never woken");
        }
    }
}
