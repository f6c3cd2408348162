//! The bounded queue between the tasks that emit and the reader of a [`Subscription`](super::Subscription).

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::event::OwnedEvent;

/// What an emitting task does when a subscription's queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Drops the event and counts it. The call continues at once.
    #[default]
    Drop,
    /// Blocks the emitting thread until the queue has a free place or the reader is detached. No event is lost as long as
    /// the reader is attached. For batch jobs whose reader runs on another thread: one on the same thread would never be
    /// polled.
    Wait,
}

/// The handler that emits and the reader share it, so that a detach can close it even if the reader is blocked, or a
/// thread's cached table still holds the handler.
pub(super) struct Queue {
    state: Mutex<State>,
    capacity: usize,
    when_full: WhenFull,
    /// Notified when the queue is no longer empty (the thread of a sink waits for this) or no longer full (emitting threads
    /// wait for this with [`WhenFull::Wait`]).
    changed: Condvar,
}

#[derive(Default)]
struct State {
    events: VecDeque<OwnedEvent>,
    /// The task that waits for the next event.
    reader: Option<Waker>,
    is_closed: bool,
    accepted: u64,
    lost: u64,
}

impl Queue {
    pub(super) fn new(capacity: usize, when_full: WhenFull) -> Arc<Self> {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Arc::new(Self { state, capacity: capacity.max(1), when_full, changed })
    }

    pub(super) fn push(&self, event: OwnedEvent) {
        let mut state = self.lock();
        while self.when_full == WhenFull::Wait && !state.is_closed && self.is_full(&state) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closed || self.is_full(&state) {
            state.lost += 1;
            // The lock is released first, then the event is dropped.
            return;
        }
        state.accepted += 1;
        state.events.push_back(event);
        let (reader, was_empty) = (state.reader.take(), state.events.len() == 1);
        // A waker is code of the reader's executor, so it is called without the lock.
        drop(state);
        match reader {
            Some(reader) => reader.wake(),
            // A notification is a system call, so there is none for a thread that cannot be waiting.
            None if was_empty => self.changed.notify_all(),
            None => {}
        }
    }

    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<OwnedEvent>> {
        let mut state = self.lock();
        let event = self.pop(&mut state);
        if event.is_some() || state.is_closed {
            return Poll::Ready(event);
        }
        let old = state.reader.replace(cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// Blocks the thread until there is an event, or the queue is closed.
    pub(super) fn wait_next(&self) -> Option<OwnedEvent> {
        let state = self.lock();
        let waited = self.changed.wait_while(state, |state| state.events.is_empty() && !state.is_closed);
        self.pop(&mut waited.unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn try_next(&self) -> Option<OwnedEvent> {
        self.pop(&mut self.lock())
    }

    pub(super) fn len(&self) -> usize {
        self.lock().events.len()
    }

    /// Accepts no more events, and no thread waits for a free place any more. What is queued can still be read.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        self.changed.notify_all();
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }

    /// Drops what is queued.
    pub(super) fn clear(&self) {
        let events = mem::take(&mut self.lock().events);
        // The lock has been released: values of the user's may run code when they are dropped.
        drop(events);
    }

    fn pop(&self, state: &mut State) -> Option<OwnedEvent> {
        // Threads that emit wait only while the queue is full. They continue once the lock is released, after the pop.
        if self.is_full(state) {
            self.changed.notify_all();
        }
        state.events.pop_front()
    }

    fn is_full(&self, state: &State) -> bool {
        state.events.len() >= self.capacity
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The total numbers of events that a queue accepted and lost. A clone counts the same queue.
#[derive(Clone)]
pub struct QueueCounts(pub(super) Arc<Queue>);

impl QueueCounts {
    /// Returns how many events were queued.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.0.lock().accepted
    }

    /// Returns how many events were lost because the queue was full, or its reader was gone.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lock().lost
    }
}

/// Without the events, which may contain secrets.
impl fmt::Debug for QueueCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (accepted, lost) = (self.accepted(), self.lost());
        f.debug_struct("QueueCounts").field("accepted", &accepted).field("lost", &lost).finish()
    }
}
