use std::io::{self, Write};

use super::format::write_line;
use crate::convention::policy::Policy;
use crate::event::Event;
use crate::registry::Sink;

/// Gathers whole lines and writes them in large pieces.
pub(super) struct Lines {
    to: Box<dyn Write + Send>,
    policy: Policy,
    piece: String,
    /// A write failed: the file may end in half a line.
    torn: bool,
}

impl Lines {
    /// How many bytes are gathered before they are written while more events are queued.
    const PIECE: usize = 64 * 1024;

    pub(super) fn new(to: Box<dyn Write + Send>, policy: Policy) -> Self {
        Self { to, policy, piece: String::new(), torn: false }
    }
}

impl Sink for Lines {
    fn take(&mut self, event: &Event<'_>) {
        write_line(&mut self.piece, event, &self.policy);
    }

    fn is_full(&self) -> bool {
        self.piece.len() >= Self::PIECE
    }

    fn write(&mut self, _lost: u64) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        // A line feed ends the half line that a failed write may have left.
        let mended = if self.torn { self.to.write_all(b"\n") } else { Ok(()) };
        let written =
            mended.and_then(|()| self.to.write_all(self.piece.as_bytes())).and_then(|()| self.to.flush());
        self.torn = written.is_err();
        self.piece.clear();
        written
    }
}
