//! The bounded queue between the tasks that emit and the reader of a [`Subscription`](super::Subscription).
//!
//! The reader is a task, which polls for one event at a time, or the thread of a sink, which takes many at once. Both bounds, in
//! events and in bytes, hold for what is queued; the bytes of what a sink has taken count until it has dropped the events.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::event::OwnedEvent;

/// What an emitting task does when a subscription's queue is full: it holds as many events or as many bytes as it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Drops the event and counts it. The call continues at once.
    #[default]
    Drop,
    /// Blocks the emitting thread until the queue has room or the reader is detached. No event is lost as long as
    /// the reader is attached. For batch jobs whose reader runs on another thread: one on the same thread would never be
    /// polled.
    Wait,
}

/// The limits of a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How many events are queued at most: at least one.
    pub(super) events: usize,
    /// How many bytes the events hold at most. An event that is larger is queued if there is no other.
    pub(super) bytes: usize,
    pub(super) when_full: WhenFull,
}

/// The handler that emits and the reader share it, so that a detach can close it even if the reader is blocked, or a
/// thread's cached table still holds the handler.
pub(super) struct Queue {
    state: Mutex<State>,
    limits: Limits,
    /// Notified when there is something to do for the thread of a sink.
    readable: Condvar,
    /// Notified when there is room, for emitting threads that wait with [`WhenFull::Wait`].
    writable: Condvar,
}

#[derive(Default)]
struct State {
    events: VecDeque<Queued>,
    /// The size of the events that are queued, and of those that a sink has taken and not yet released.
    bytes: usize,
    /// The task that waits for the next event.
    reader: Option<Waker>,
    /// Whether the thread of a sink waits.
    is_thread_waiting: bool,
    /// How many emitting threads wait for room.
    waiting_to_emit: usize,
    /// The thread of a sink is to open its file again.
    is_reopen_due: bool,
    is_closed: bool,
    accepted: u64,
    lost: u64,
}

struct Queued {
    event: OwnedEvent,
    size: usize,
}

/// Events that the thread of a sink took from a queue. Their bytes count as queued until the [release](Queue::release).
#[derive(Default)]
pub(super) struct Batch {
    pub(super) events: Vec<OwnedEvent>,
    bytes: usize,
}

/// What the thread of a sink does next.
pub(super) enum Next {
    /// It handles the events that were moved to its batch.
    Batch,
    /// It opens its file again.
    Reopen,
    /// It ends: the queue is closed and empty.
    End,
}

impl Batch {
    /// How many events are taken at once. More would hardly save anything, because the lock is taken and waiting threads are
    /// woken once for all of them, and would keep more events in memory.
    const MAX_EVENTS: usize = 256;
}

impl Queue {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        let limits = Limits { events: limits.events.max(1), ..limits };
        let (state, readable, writable) = (Mutex::default(), Condvar::new(), Condvar::new());
        Arc::new(Self { state, limits, readable, writable })
    }

    pub(super) fn push(&self, event: OwnedEvent) {
        let size = event.size();
        let mut state = self.lock();
        while self.limits.when_full == WhenFull::Wait && !state.is_closed && !self.has_room(&state, size) {
            state.waiting_to_emit += 1;
            state = self.writable.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting_to_emit -= 1;
        }
        if state.is_closed || !self.has_room(&state, size) {
            state.lost += 1;
            // The lock is released first, then the event is dropped.
            return;
        }
        state.accepted += 1;
        state.bytes += size;
        state.events.push_back(Queued { event, size });
        let (reader, thread) = (state.reader.take(), mem::take(&mut state.is_thread_waiting));
        // A waker is code of the reader's executor, so it is called without the lock.
        drop(state);
        // A notification is a system call, so there is none for a thread that does not wait.
        if thread {
            self.readable.notify_one();
        }
        reader.into_iter().for_each(Waker::wake);
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

    pub(super) fn try_next(&self) -> Option<OwnedEvent> {
        self.pop(&mut self.lock())
    }

    /// Blocks the thread of a sink until there is something to do. Moves events that are queued to `batch`.
    pub(super) fn wait_for_batch(&self, batch: &mut Batch) -> Next {
        let mut state = self.lock();
        loop {
            // First, so that events that are emitted after the request are written to the new file.
            if mem::take(&mut state.is_reopen_due) {
                return Next::Reopen;
            }
            if !state.events.is_empty() {
                break;
            }
            if state.is_closed {
                return Next::End;
            }
            state.is_thread_waiting = true;
            state = self.readable.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let count = state.events.len().min(Batch::MAX_EVENTS);
        for queued in state.events.drain(..count) {
            batch.bytes += queued.size;
            batch.events.push(queued.event);
        }
        self.made_room(&state);
        Next::Batch
    }

    /// Asks the thread of a sink to open its file again, before it takes the next events.
    pub(super) fn request_reopen(&self) {
        self.lock().is_reopen_due = true;
        self.readable.notify_one();
    }

    /// Frees the bytes of a batch, whose events have been dropped. Returns whether more events are queued.
    pub(super) fn release(&self, batch: &mut Batch) -> bool {
        debug_assert!(batch.events.is_empty(), "the bytes are free once the events are dropped");
        let mut state = self.lock();
        state.bytes -= mem::take(&mut batch.bytes);
        self.made_room(&state);
        !state.events.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().events.len()
    }

    /// Accepts no more events, and no thread waits for room any more. What is queued can still be read.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        self.writable.notify_all();
        self.readable.notify_one();
        let reader = state.reader.take();
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }

    /// Drops what is queued.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        let events = mem::take(&mut state.events);
        state.bytes -= events.iter().map(|queued| queued.size).sum::<usize>();
        drop(state);
        // The lock has been released: values of the user's may run code when they are dropped.
        drop(events);
    }

    fn pop(&self, state: &mut State) -> Option<OwnedEvent> {
        let Queued { event, size } = state.events.pop_front()?;
        state.bytes -= size;
        self.made_room(state);
        Some(event)
    }

    /// Wakes the threads that wait for room. They continue once the lock is released. All of them, because there may be room for
    /// the event of one and not for that of another.
    fn made_room(&self, state: &State) {
        if state.waiting_to_emit > 0 {
            self.writable.notify_all();
        }
    }

    /// Whether there is room for an event of this size.
    fn has_room(&self, state: &State, size: usize) -> bool {
        let is_alone = state.bytes == 0;
        state.events.len() < self.limits.events
            && (is_alone || size <= self.limits.bytes.saturating_sub(state.bytes))
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
