use std::io::{self, Write};

use super::trees::Trees;
use crate::event::Event;
use crate::registry::Sink;

/// Gathers whole lines; only the sink's thread writes to the terminal, so a slow one holds up nobody else.
pub(super) struct Screen {
    to: Box<dyn Write + Send>,
    trees: Trees,
    piece: String,
    /// How many lost events were told of.
    told_lost: u64,
}

impl Screen {
    /// How many bytes are gathered before they are written while more events are queued.
    const PIECE: usize = 16 * 1024;

    pub(super) fn new(to: Box<dyn Write + Send>, trees: Trees) -> Self {
        Self { to, trees, piece: String::new(), told_lost: 0 }
    }
}

impl Sink for Screen {
    fn take(&mut self, event: &Event<'_>) {
        self.trees.see(event, &mut self.piece);
    }

    fn is_full(&self) -> bool {
        self.piece.len() >= Self::PIECE
    }

    fn write(&mut self, lost: u64) -> io::Result<()> {
        if lost > self.told_lost {
            self.trees.tell_lost(lost - self.told_lost, &mut self.piece);
            self.told_lost = lost;
        }
        if self.piece.is_empty() {
            return Ok(());
        }
        let written = self.to.write_all(self.piece.as_bytes()).and_then(|()| self.to.flush());
        self.piece.clear();
        written
    }

    /// What still runs is shown as far as it went.
    fn finish(&mut self) {
        self.trees.finish(&mut self.piece);
    }
}
