use std::future::poll_fn;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::task::Poll;
use std::thread;

use futures::StreamExt as _;
use futures::executor::block_on;
use tokio::sync::mpsc::UnboundedReceiver;

use super::format::write_line;
use crate::convention::Policy;
use crate::event::OwnedEvent;
use crate::registry::{QueueCounts, Subscription, Telemetry};

/// How much is gathered before it is written while more is queued.
const PIECE: usize = 64 * 1024;

/// What became of the events, for the guard to read.
#[derive(Debug)]
pub(super) struct Shared {
    queue: QueueCounts,
    written: AtomicU64,
    failed: AtomicU64,
}

impl Shared {
    pub(super) fn new(queue: QueueCounts) -> Self {
        Self { queue, written: AtomicU64::new(0), failed: AtomicU64::new(0) }
    }

    /// Events that will never be in the file.
    pub(super) fn lost(&self) -> u64 {
        self.queue.lost().saturating_add(self.failed.load(Ordering::Relaxed))
    }

    /// Events that are queued, or gathered and not written.
    pub(super) fn waiting(&self) -> u64 {
        let accepted = self.queue.accepted();
        let done = self.written.load(Ordering::Relaxed).saturating_add(self.failed.load(Ordering::Relaxed));
        accepted.saturating_sub(done)
    }
}

/// The thread's side.
pub(super) struct Writer {
    to: Box<dyn Write + Send>,
    policy: Policy,
    shared: Arc<Shared>,
    telemetry: Telemetry,
    id: Arc<str>,
    /// Whole lines that are not written yet, and how many.
    piece: Vec<u8>,
    lines: u64,
    /// A write failed: it was reported, and the file may end in half a line.
    reported: bool,
    torn: bool,
}

impl Writer {
    pub(super) fn new(
        to: Box<dyn Write + Send>,
        policy: Policy,
        shared: Arc<Shared>,
        telemetry: Telemetry,
        id: Arc<str>,
    ) -> Self {
        Self { to, policy, shared, telemetry, id, piece: Vec::new(), lines: 0, reported: false, torn: false }
    }

    /// Writes until the subscription ends.
    pub(super) fn run(mut self, mut events: Subscription, mut flushes: UnboundedReceiver<SyncSender<()>>) {
        loop {
            match block_on(next(&mut events, &mut flushes)) {
                Next::Event(event) => {
                    self.gather(&event);
                    if events.queued() == 0 {
                        self.write();
                    }
                }
                Next::Flush(done) => {
                    // What was queued when the flush was asked for, and not what comes meanwhile.
                    for _ in 0..events.queued() {
                        events.try_next().into_iter().for_each(|event| self.gather(&event));
                    }
                    self.write();
                    // Whoever asked may have given up.
                    let _ = done.try_send(());
                }
                Next::End => return self.write(),
            }
        }
    }

    fn gather(&mut self, event: &OwnedEvent) {
        write_line(&mut self.piece, &event.as_event(), &self.policy);
        self.lines += 1;
        if self.piece.len() >= PIECE {
            self.write();
        }
    }

    fn write(&mut self) {
        if self.lines == 0 {
            return;
        }
        // A line feed ends the half line that a failed write may have left.
        let mended = if self.torn { self.to.write_all(b"\n") } else { Ok(()) };
        let written = mended.and_then(|()| self.to.write_all(&self.piece)).and_then(|()| self.to.flush());
        match written {
            Ok(()) => {
                self.torn = false;
                self.shared.written.fetch_add(self.lines, Ordering::Relaxed);
            }
            Err(error) => {
                self.torn = true;
                self.shared.failed.fetch_add(self.lines, Ordering::Relaxed);
                self.report(error);
            }
        }
        self.piece.clear();
        self.lines = 0;
    }

    fn report(&mut self, error: io::Error) {
        if !std::mem::replace(&mut self.reported, true) {
            let (telemetry, id) = (self.telemetry.clone(), self.id.clone());
            // On a thread of its own: the event may have to wait for room in the queue that this thread empties.
            thread::spawn(move || telemetry.sink_failed(&id, &error));
        }
    }
}

/// What the thread has to do next.
enum Next {
    Event(OwnedEvent),
    Flush(SyncSender<()>),
    End,
}

async fn next(events: &mut Subscription, flushes: &mut UnboundedReceiver<SyncSender<()>>) -> Next {
    poll_fn(|cx| match flushes.poll_recv(cx) {
        Poll::Ready(Some(done)) => Poll::Ready(Next::Flush(done)),
        // The guard is gone, or has nothing to ask.
        Poll::Ready(None) | Poll::Pending => {
            events.poll_next_unpin(cx).map(|event| event.map_or(Next::End, Next::Event))
        }
    })
    .await
}
