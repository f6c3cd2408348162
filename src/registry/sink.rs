use std::future::poll_fn;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::task::Poll;
use std::thread;

use futures::StreamExt as _;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::catch::catch;
use super::error::AttachError;
use super::failure::{self, Failure};
use super::sink_guard::SinkGuard;
use super::subscribe::{QueueCounts, SubscribeOptions, Subscription, block_on};
use super::telemetry::Telemetry;
use crate::event::{Event, EventName, OwnedEvent};

/// Writes events somewhere, on a thread of its own: to a file, a terminal, a socket.
///
/// The emitting task only queues. What cannot be written is counted, and reported once as `telemetry.handler.failure`
/// with kind `io`; the sink stays attached and may do better later. A sink that panics is detached and reported with
/// kind `panic`; what it has not written is lost, and counted.
///
/// # Examples
///
/// ```
/// use std::io::{self, Write};
/// use std::time::Duration;
/// use allm_telemetry::{prelude::*, Telemetry, handler::{Sink, SubscribeOptions}};
///
/// struct Names(Vec<u8>, Box<dyn Write + Send>);
///
/// impl Sink for Names {
///     fn take(&mut self, event: &Event<'_>) {
///         self.0.extend_from_slice(event.name().as_str().as_bytes());
///         self.0.push(b'\n');
///     }
///     fn write(&mut self, _lost: u64) -> io::Result<()> {
///         let written = self.1.write_all(&self.0);
///         self.0.clear();
///         written
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), allm_telemetry::handler::AttachError> {
/// let telemetry = Telemetry::new();
/// let names = Names(Vec::new(), Box::new(io::sink()));
/// let guard = telemetry.attach_sink("names", SpanName::Chat.events(), SubscribeOptions::new(1_024), names)?;
/// telemetry.scope(async {}.in_span_infallible(Span::chat())).await;
/// assert!(guard.flush(Duration::from_secs(5)).is_complete());
/// # Ok(())
/// # }
/// ```
pub trait Sink: Send + 'static {
    /// Takes an event in. Gathers, and does not write yet.
    fn take(&mut self, event: &Event<'_>);

    /// Whether so much is gathered that it should be written although more events are queued.
    fn is_full(&self) -> bool {
        false
    }

    /// Writes what was gathered, because nothing more is queued, somebody flushes, or it [is full](Self::is_full).
    /// `lost` is how many events the queue has lost so far.
    ///
    /// # Errors
    ///
    /// If it cannot; the events since the last write then count as lost.
    fn write(&mut self, lost: u64) -> io::Result<()>;

    /// No event comes any more; one [`write`](Self::write) follows.
    fn finish(&mut self) {}
}

/// What a guard asks of the thread; the sender is told when it is done.
pub(super) enum Ask {
    /// Write what was emitted so far.
    Flush(SyncSender<()>),
    /// The same, and end.
    Close(SyncSender<()>),
}

/// What became of the events, for the guard to read.
#[derive(Debug)]
pub(super) struct Progress {
    queue: QueueCounts,
    written: AtomicU64,
    failed: AtomicU64,
    /// The thread has ended: what is not written by now never will be.
    over: AtomicBool,
}

impl Progress {
    fn new(queue: QueueCounts) -> Self {
        let (written, failed) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { queue, written, failed, over: AtomicBool::new(false) }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Events that will never be written.
    pub(super) fn lost(&self) -> u64 {
        let unwritten = if self.is_over() {
            self.queue.accepted().saturating_sub(self.written.load(Ordering::Relaxed))
        } else {
            self.failed.load(Ordering::Relaxed)
        };
        self.queue.lost().saturating_add(unwritten)
    }

    /// Events that are queued, or gathered and not written.
    pub(super) fn waiting(&self) -> u64 {
        if self.is_over() {
            return 0;
        }
        let done = self.written.load(Ordering::Relaxed).saturating_add(self.failed.load(Ordering::Relaxed));
        self.queue.accepted().saturating_sub(done)
    }
}

impl Telemetry {
    /// Attaches a sink, which gets these events on a thread of its own.
    ///
    /// # Errors
    ///
    /// As for [`attach`](Self::attach).
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread, as [`std::thread::spawn`].
    pub fn attach_sink<N>(
        &self,
        id: impl Into<Arc<str>>,
        events: impl IntoIterator<Item = N>,
        options: SubscribeOptions,
        sink: impl Sink,
    ) -> Result<SinkGuard, AttachError>
    where
        N: TryInto<EventName>,
        AttachError: From<N::Error>,
    {
        let id = id.into();
        let events = self.subscribe_with(id.clone(), events, options)?;
        let progress = Arc::new(Progress::new(events.counts()));
        let (ask, mut asked) = mpsc::unbounded_channel();
        let worker = Worker {
            sink,
            taken: 0,
            reported: false,
            progress: progress.clone(),
            telemetry: self.clone(),
            id: id.clone(),
        };
        let sequence = events.sequence();
        let (telemetry, name, ended) = (self.clone(), id.clone(), progress.clone());
        thread::spawn(move || {
            let mut asking = None;
            // The subscription goes with the panic: the sink is detached before it is reported, like a handler.
            let ran = catch(|| worker.run(events, &mut asked, &mut asking));
            // Before whoever asks is let go: they read what was lost.
            ended.over.store(true, Ordering::Release);
            drop((asked, asking));
            if let Err(caught) = ran {
                failure::emit(&telemetry, Failure::panic(None, &name, &caught, Location::caller()));
                caught.swallow();
            }
        });
        Ok(SinkGuard { telemetry: self.clone(), id, sequence, ask, progress })
    }
}

/// The thread's side.
struct Worker<S> {
    sink: S,
    /// Events since the last write.
    taken: u64,
    reported: bool,
    progress: Arc<Progress>,
    telemetry: Telemetry,
    id: Arc<str>,
}

/// What the thread has to do next.
enum Next {
    Event(OwnedEvent),
    Ask(Ask),
    End,
}

impl<S: Sink> Worker<S> {
    /// Works until the subscription ends, or the guard is dropped. `asking` waits for what it does now.
    fn run(
        mut self,
        mut events: Subscription,
        asked: &mut UnboundedReceiver<Ask>,
        asking: &mut Option<SyncSender<()>>,
    ) {
        loop {
            match block_on(next(&mut events, asked)) {
                Next::Event(event) => {
                    self.take(&event);
                    if events.queued() == 0 {
                        self.write();
                    }
                }
                Next::Ask(Ask::Flush(done)) => {
                    *asking = Some(done);
                    self.drain(&mut events);
                    self.write();
                }
                Next::Ask(Ask::Close(done)) => {
                    *asking = Some(done);
                    self.drain(&mut events);
                    drop(events);
                    self.finish();
                    return tell(asking);
                }
                Next::End => return self.finish(),
            }
            tell(asking);
        }
    }

    /// Takes what was queued when it was asked for, and not what comes meanwhile.
    fn drain(&mut self, events: &mut Subscription) {
        for _ in 0..events.queued() {
            events.try_next().into_iter().for_each(|event| self.take(&event));
        }
    }

    fn take(&mut self, event: &OwnedEvent) {
        self.sink.take(&event.as_event());
        self.taken += 1;
        if self.sink.is_full() {
            self.write();
        }
    }

    fn finish(&mut self) {
        self.sink.finish();
        self.write();
    }

    fn write(&mut self) {
        let written = self.sink.write(self.progress.queue.lost());
        let count = if written.is_ok() { &self.progress.written } else { &self.progress.failed };
        count.fetch_add(std::mem::take(&mut self.taken), Ordering::Relaxed);
        if let Err(error) = written
            && !std::mem::replace(&mut self.reported, true)
        {
            let (telemetry, id) = (self.telemetry.clone(), self.id.clone());
            // On a thread of its own: the event may have to wait for room in the queue that this thread empties.
            thread::spawn(move || telemetry.sink_failed(&id, &error));
        }
    }
}

/// Tells whoever asked, who may have given up.
fn tell(asking: &mut Option<SyncSender<()>>) {
    if let Some(done) = asking.take() {
        let _ = done.try_send(());
    }
}

async fn next(events: &mut Subscription, asked: &mut UnboundedReceiver<Ask>) -> Next {
    poll_fn(|cx| match asked.poll_recv(cx) {
        Poll::Ready(Some(ask)) => Poll::Ready(Next::Ask(ask)),
        // The guard is gone, or has nothing to ask.
        Poll::Ready(None) | Poll::Pending => {
            events.poll_next_unpin(cx).map(|event| event.map_or(Next::End, Next::Event))
        }
    })
    .await
}
