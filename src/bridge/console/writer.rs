use std::io::{self, Write};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

use tokio::sync::mpsc::UnboundedReceiver;

use super::trees::Trees;
use crate::event::OwnedEvent;
use crate::registry::{Failure, QueueCounts, Subscription, Telemetry, emit_failure};

/// How much text is gathered before it is written while more is queued.
const PIECE: usize = 16 * 1024;

/// What the guard asks for; the sender is told when it is done.
pub(super) enum Ask {
    /// Show what was emitted so far.
    Flush(SyncSender<()>),
    /// The same, and what still runs as far as it went, and end.
    Close(SyncSender<()>),
}

/// What became of the events, for the guard to read.
#[derive(Debug)]
pub(super) struct Shared {
    queue: Arc<QueueCounts>,
    shown: AtomicU64,
    failed: AtomicU64,
}

impl Shared {
    pub(super) fn new(queue: Arc<QueueCounts>) -> Self {
        Self { queue, shown: AtomicU64::new(0), failed: AtomicU64::new(0) }
    }

    /// Events that will never be seen.
    pub(super) fn lost(&self) -> u64 {
        self.queue.lost.load(Ordering::Relaxed).saturating_add(self.failed.load(Ordering::Relaxed))
    }

    /// Events that are queued, or gathered and not shown.
    pub(super) fn waiting(&self) -> u64 {
        let accepted = self.queue.accepted.load(Ordering::Relaxed);
        let done = self.shown.load(Ordering::Relaxed).saturating_add(self.failed.load(Ordering::Relaxed));
        accepted.saturating_sub(done)
    }
}

/// The thread's side: only this writes to the terminal, so a slow one holds up nobody else.
pub(super) struct Writer {
    to: Box<dyn Write + Send>,
    trees: Trees,
    shared: Arc<Shared>,
    telemetry: Telemetry,
    id: Arc<str>,
    /// Whole lines that are not written yet, and how many events they are of.
    piece: String,
    events: u64,
    /// How many lost events were told of.
    told_lost: u64,
    reported: bool,
}

impl Writer {
    pub(super) fn new(
        to: Box<dyn Write + Send>,
        trees: Trees,
        shared: Arc<Shared>,
        telemetry: Telemetry,
        id: Arc<str>,
    ) -> Self {
        let piece = String::new();
        Self { to, trees, shared, telemetry, id, piece, events: 0, told_lost: 0, reported: false }
    }

    /// Writes until the subscription ends, or the guard is dropped.
    pub(super) fn run(mut self, mut events: Subscription, mut asked: UnboundedReceiver<Ask>) {
        loop {
            match events.next_or(&mut asked) {
                Some(Ok(event)) => {
                    self.gather(&event);
                    if events.queued() == 0 {
                        self.write();
                    }
                }
                Some(Err(Ask::Flush(done))) => {
                    self.drain(&mut events);
                    self.write();
                    // Whoever asked may have given up.
                    let _ = done.try_send(());
                }
                Some(Err(Ask::Close(done))) => {
                    self.drain(&mut events);
                    drop(events);
                    self.finish();
                    let _ = done.try_send(());
                    return;
                }
                None => return self.finish(),
            }
        }
    }

    /// What was queued when it was asked for, and not what comes meanwhile.
    fn drain(&mut self, events: &mut Subscription) {
        for _ in 0..events.queued() {
            events.try_next().into_iter().for_each(|event| self.gather(&event));
        }
    }

    fn gather(&mut self, event: &OwnedEvent) {
        self.trees.see(&event.as_event(), &mut self.piece);
        self.events += 1;
        if self.piece.len() >= PIECE {
            self.write();
        }
    }

    fn finish(&mut self) {
        self.trees.finish(&mut self.piece);
        self.write();
    }

    fn write(&mut self) {
        let lost = self.shared.queue.lost.load(Ordering::Relaxed);
        if lost > self.told_lost {
            self.trees.tell_lost(lost - self.told_lost, &mut self.piece);
            self.told_lost = lost;
        }
        let events = mem::take(&mut self.events);
        let written = match &*self.piece {
            "" => Ok(()),
            piece => self.to.write_all(piece.as_bytes()).and_then(|()| self.to.flush()),
        };
        let count = if written.is_ok() { &self.shared.shown } else { &self.shared.failed };
        count.fetch_add(events, Ordering::Relaxed);
        self.piece.clear();
        if let Err(error) = written {
            self.report(&error);
        }
    }

    fn report(&mut self, error: &io::Error) {
        if !mem::replace(&mut self.reported, true) {
            emit_failure(&self.telemetry, Failure::io(&self.id, error));
        }
    }
}
