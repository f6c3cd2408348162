//! The bounded queue between the tasks that emit and the reader of a [`Subscription`](super::Subscription).

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures::task::AtomicWaker;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};
use tokio::task::unconstrained;

use crate::event::OwnedEvent;

/// What an emitting task does when a subscription's queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Drops the event and counts it. The call continues at once.
    #[default]
    Drop,
    /// Blocks the emitting thread until the queue has a free place, or the reader is detached. Nothing is lost and the
    /// call waits: for batch jobs whose reader runs on a thread of its own. A reader on the same thread would never be
    /// polled.
    Wait,
}

/// Owned by both sides, so that a detach can close it whatever they do: the reader may be stuck, and the handler that
/// fills it may be in a table that some thread has cached.
#[derive(Debug)]
pub(super) struct Queue {
    sender: Sender<OwnedEvent>,
    receiver: Mutex<Receiver<OwnedEvent>>,
    /// Closing a tokio channel by its receiver does not wake that receiver.
    reader: AtomicWaker,
    when_full: WhenFull,
    accepted: AtomicU64,
    lost: AtomicU64,
}

impl Queue {
    pub(super) fn new(capacity: usize, when_full: WhenFull) -> Arc<Self> {
        let (sender, receiver) = mpsc::channel(capacity.clamp(1, Semaphore::MAX_PERMITS));
        let (receiver, reader) = (Mutex::new(receiver), AtomicWaker::new());
        let (accepted, lost) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { sender, receiver, reader, when_full, accepted, lost })
    }

    pub(super) fn push(&self, event: OwnedEvent) {
        let is_accepted = match (self.sender.try_send(event), self.when_full) {
            (Err(TrySendError::Full(event)), WhenFull::Wait) => block_on(self.sender.send(event)).is_ok(),
            (sent, _) => sent.is_ok(),
        };
        let count = if is_accepted { &self.accepted } else { &self.lost };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<OwnedEvent>> {
        // Before the look at the queue: a close in between wakes this reader once more.
        self.reader.register(cx.waker());
        self.receiver().poll_recv(cx)
    }

    pub(super) fn try_next(&self) -> Option<OwnedEvent> {
        self.receiver().try_recv().ok()
    }

    pub(super) fn len(&self) -> usize {
        self.receiver().len()
    }

    /// Accepts no more events. What is queued can still be read; whoever waits for a free place gives up.
    pub(super) fn close(&self) {
        self.receiver().close();
        self.reader.wake();
    }

    fn receiver(&self) -> MutexGuard<'_, Receiver<OwnedEvent>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many events a [`Subscription`](super::Subscription) has queued and lost. A clone counts the same queue.
#[derive(Clone, Debug)]
pub struct QueueCounts(pub(super) Arc<Queue>);

impl QueueCounts {
    /// Returns how many events were queued.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// Returns how many events were lost because the queue was full, or its reader was gone.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }
}

/// Blocks this thread on a future. Unlike those of the executors, it may be called inside any of them.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    // The task that runs on this thread may have spent its cooperative budget, which is not renewed as long as this blocks.
    let mut future = pin!(unconstrained(future));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
