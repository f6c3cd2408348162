use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures::Stream;
use futures::future::{Either, FutureExt as _, Shared, select};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::error::AttachError;
use super::telemetry::Telemetry;
use crate::event::{Content, EventName, OwnedEvent};

/// What an emitting task does when a subscription's queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// Drop the event and count it. The call goes on at once.
    #[default]
    Drop,
    /// Block the emitting thread until there is room, or the reader is detached. Nothing is lost and the call waits: for
    /// batch jobs whose reader runs on a thread of its own. A reader on the same thread would never be polled.
    Wait,
}

/// How a [`Subscription`] queues.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{Content, SpanName, Telemetry, handler::SubscribeOptions};
///
/// let options = SubscribeOptions::new(1_024).content(Content::NONE);
/// let events = Telemetry::new().subscribe_with("queue", SpanName::Tool.events(), options)?;
/// assert_eq!(events.lost(), 0);
/// # Ok::<(), allm_telemetry::handler::AttachError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SubscribeOptions {
    capacity: usize,
    when_full: WhenFull,
    content: Content,
}

impl SubscribeOptions {
    /// A queue of `capacity` events that drops and counts when it is full. It holds at least one, and at most as many as
    /// tokio's channels do: more is no error.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { capacity, when_full: WhenFull::Drop, content: Content::ALL }
    }

    /// What to do when the queue is full.
    #[must_use]
    pub const fn when_full(self, when_full: WhenFull) -> Self {
        Self { when_full, ..self }
    }

    /// Which content the reader may have. The closures that make other content need not run for it, so that content
    /// is null unless somebody else asked for it. All by default, as for a handler.
    #[must_use]
    pub const fn content(self, content: Content) -> Self {
        Self { content, ..self }
    }
}

/// A [`Stream`] of owned events, through a bounded queue. For readers that do I/O or async work.
///
/// It ends when its id is detached, after what was queued; dropping it detaches.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{prelude::*, Telemetry};
/// use futures::StreamExt as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), allm_telemetry::handler::AttachError> {
/// let telemetry = Telemetry::new();
/// let mut events = telemetry.subscribe("queue", SpanName::Chat.events(), 128)?;
/// telemetry.scope(async {}.in_span_infallible(Span::chat())).await;
///
/// assert_eq!(events.next().await.unwrap().to_string().split(' ').next(), Some("allm.chat.start"));
/// assert_eq!(events.lost(), 0);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a subscription detaches it"]
pub struct Subscription {
    telemetry: Telemetry,
    id: Arc<str>,
    sequence: u64,
    events: mpsc::Receiver<OwnedEvent>,
    /// Resolves when the handler is detached, and is gone then. The handler itself, and the queue's sender with it, may
    /// live on in some thread's copy of the table.
    detached: Option<Detached>,
    counts: QueueCounts,
}

/// Resolves when a handler is detached.
type Detached = Shared<oneshot::Receiver<()>>;

/// What became of the events of a [`Subscription`]. A clone counts the same queue.
#[derive(Clone, Debug, Default)]
pub struct QueueCounts(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    lost: AtomicU64,
}

impl Telemetry {
    /// Queues some events for a reader that does I/O or async work. When the queue of `capacity` events is full, an
    /// event is dropped and [counted](Subscription::lost).
    ///
    /// # Errors
    ///
    /// As for [`attach`](Self::attach).
    pub fn subscribe<N: TryInto<EventName, Error: Into<AttachError>>>(
        &self,
        id: impl Into<Arc<str>>,
        events: impl IntoIterator<Item = N>,
        capacity: usize,
    ) -> Result<Subscription, AttachError> {
        self.subscribe_with(id, events, SubscribeOptions::new(capacity))
    }

    /// [`subscribe`](Self::subscribe), with a say in how it queues.
    ///
    /// # Errors
    ///
    /// As for [`attach`](Self::attach).
    pub fn subscribe_with<N: TryInto<EventName, Error: Into<AttachError>>>(
        &self,
        id: impl Into<Arc<str>>,
        events: impl IntoIterator<Item = N>,
        options: SubscribeOptions,
    ) -> Result<Subscription, AttachError> {
        let id = id.into();
        let (sender, receiver) = mpsc::channel(options.capacity.clamp(1, Semaphore::MAX_PERMITS));
        let (alive, detached) = oneshot::channel();
        let (detached, counts) = (detached.shared(), QueueCounts::default());
        let when_full = options.when_full;
        let queue = Queue { sender, detached: detached.clone(), counts: counts.clone(), when_full };
        let run = Box::new(move |event: &crate::event::Event<'_>| queue.push(event.to_owned()));
        let sequence = self.attach_reading(id.clone(), events, run, options.content, Some(alive))?;
        let (telemetry, detached) = (self.clone(), Some(detached));
        Ok(Subscription { telemetry, id, sequence, events: receiver, detached, counts })
    }
}

impl Subscription {
    /// How many events were lost because the queue was full.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.counts.lost()
    }

    /// An event that is queued, if there is one.
    pub fn try_next(&mut self) -> Option<OwnedEvent> {
        self.events.try_recv().ok()
    }

    /// How many events are queued.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.events.len()
    }

    /// The counts of its queue, to read them after the subscription has moved to its task or thread.
    #[must_use]
    pub fn counts(&self) -> QueueCounts {
        self.counts.clone()
    }

    /// What tells it from another that is attached under the same id later.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl QueueCounts {
    /// How many events were queued.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    /// How many events were lost because the queue was full, or its reader was gone.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }
}

/// Cancel safe: an event that was not returned stays queued.
impl Stream for Subscription {
    type Item = OwnedEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(event) = self.events.poll_recv(cx) {
            return Poll::Ready(event);
        }
        if let Some(detached) = &mut self.detached {
            if Pin::new(detached).poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.detached = None;
            self.events.close();
        }
        // What was queued between the two polls still counts, and nothing comes after it.
        self.events.poll_recv(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.events.close();
        // By its number: if it was detached before, another may have the id by now.
        self.telemetry.detach_numbered(&self.id, self.sequence);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.id)
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}

/// The emitting side.
struct Queue {
    sender: mpsc::Sender<OwnedEvent>,
    detached: Detached,
    counts: QueueCounts,
    when_full: WhenFull,
}

impl Queue {
    fn push(&self, event: OwnedEvent) {
        let accepted = match (self.sender.try_send(event), self.when_full) {
            (Err(mpsc::error::TrySendError::Full(event)), WhenFull::Wait) => self.wait(event),
            (sent, _) => sent.is_ok(),
        };
        let count = if accepted { &self.counts.0.accepted } else { &self.counts.0.lost };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits for room. A reader that is stuck makes none and closes nothing, so that whoever waits looks for the detach too.
    fn wait(&self, event: OwnedEvent) -> bool {
        let sent = pin!(self.sender.send(event));
        match block_on(select(sent, self.detached.clone())) {
            Either::Left((sent, _)) => sent.is_ok(),
            Either::Right(_) => false,
        }
    }
}

/// Blocks this thread on a future. Unlike the executors' own, it may be called from inside any of them.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
