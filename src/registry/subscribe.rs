use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use tokio::task::coop::poll_proceed;

use super::error::AttachError;
use super::handler::Run;
use super::queue::{Limits, Queue, QueueCounts, WhenFull};
use super::telemetry::{Attachment, Telemetry};
use crate::event::{Content, EventName, OwnedEvent};

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
    limits: Limits,
    content: Content,
}

impl SubscribeOptions {
    const MAX_BYTES: usize = 64 * 1024 * 1024;

    /// A queue of `capacity` events, at least one, and of 64 MiB, that drops and counts events when it is full.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        let limits = Limits { events: capacity, bytes: Self::MAX_BYTES, when_full: WhenFull::Drop };
        Self { limits, content: Content::ALL }
    }

    /// Sets how many events are queued at most.
    #[must_use]
    pub const fn capacity(self, events: usize) -> Self {
        Self { limits: Limits { events, ..self.limits }, ..self }
    }

    /// Sets how many bytes of memory the queued events may hold, approximately: 64 MiB if not set. An event that is larger
    /// than that is queued only while there is no other.
    #[must_use]
    pub const fn max_bytes(self, bytes: usize) -> Self {
        Self { limits: Limits { bytes, ..self.limits }, ..self }
    }

    /// Sets what an emitting task does when the queue is full.
    #[must_use]
    pub const fn when_full(self, when_full: WhenFull) -> Self {
        Self { limits: Limits { when_full, ..self.limits }, ..self }
    }

    /// Sets which content the reader may see. The closures for other content are not called for it, so that content
    /// is null unless another handler or listener may see it. All by default, as for a handler.
    #[must_use]
    pub const fn content(self, content: Content) -> Self {
        Self { content, ..self }
    }
}

/// A [`Stream`] of owned events, through a bounded queue. For readers that do I/O or async work.
///
/// Dropping it detaches it. When its id is detached in another way, it ends after the events that are queued.
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
#[must_use = "bind it to a named variable: `let _ = …` drops it at once, which detaches it"]
pub struct Subscription {
    pub(super) attachment: Attachment,
    pub(super) queue: Arc<Queue>,
}

impl Telemetry {
    /// Queues events for a reader that does I/O or async work. When `capacity` events are queued, or 64 MiB of them, the next
    /// one is dropped and [counted](Subscription::lost).
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

    /// Queues events as [`subscribe`](Self::subscribe) does, with options.
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
        let queue = Queue::new(options.limits);
        let run = Run::Queue(queue.clone());
        let attachment = self.attach_handler(id.into(), events, options.content, run)?;
        Ok(Subscription { attachment, queue })
    }
}

impl Subscription {
    /// Returns how many events were lost because the queue was full.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.counts().lost()
    }

    /// Returns an event that is queued, if there is one.
    pub fn try_next(&mut self) -> Option<OwnedEvent> {
        self.queue.try_next()
    }

    /// Returns how many events are queued.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Returns the counts of its queue, to read them after the subscription has moved to its task or thread.
    #[must_use]
    pub fn counts(&self) -> QueueCounts {
        QueueCounts(self.queue.clone())
    }
}

/// Cancel safe: an event that was not returned stays queued.
impl Stream for Subscription {
    type Item = OwnedEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // As tokio's own channels: a reader that always finds an event lets other tasks of its thread run now and then.
        let budget = ready!(poll_proceed(cx));
        let event = self.queue.poll_next(cx);
        if event.is_ready() {
            budget.made_progress();
        }
        event
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.queue.close();
        // Some thread may keep the queue in a cached table for long.
        self.queue.clear();
        self.attachment.detach();
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.attachment.id)
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}
