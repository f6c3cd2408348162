use std::io::{self, Write};

use super::renderer::Renderer;
use crate::event::Event;
use crate::registry::Sink;

/// Collects whole lines. Only the sink's thread writes to the terminal, so a slow terminal delays no task.
pub(super) struct Screen {
    to: Box<dyn Write + Send>,
    renderer: Renderer,
    /// How many lost events were reported.
    reported_lost: u64,
}

impl Screen {
    /// How many bytes are collected before they are written, while more events are queued.
    const BUFFER: usize = 16 * 1024;

    pub(super) fn new(to: Box<dyn Write + Send>, renderer: Renderer) -> Self {
        Self { to, renderer, reported_lost: 0 }
    }
}

impl Sink for Screen {
    fn take(&mut self, event: &Event<'_>) {
        self.renderer.render(event);
    }

    fn is_full(&self) -> bool {
        self.renderer.out.text.len() >= Self::BUFFER
    }

    fn write(&mut self, lost: u64) -> io::Result<()> {
        if lost > self.reported_lost {
            self.renderer.report_lost(lost - self.reported_lost);
            self.reported_lost = lost;
        }
        let text = &mut self.renderer.out.text;
        if text.is_empty() {
            return Ok(());
        }
        let written = self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush());
        text.clear();
        written
    }

    /// Prints the requests that are still running, as far as they went.
    fn finish(&mut self) {
        self.renderer.finish();
    }
}
