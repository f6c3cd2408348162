//! A terminal that remembers what was written to it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allm_telemetry::bridge::console::Console;
use allm_telemetry::{RequestId, Telemetry, handler::SinkGuard};
use tokio::time::sleep;

#[derive(Clone, Default)]
pub(crate) struct Screen(Arc<Mutex<Vec<u8>>>);

impl Screen {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).expect("the console writes UTF-8")
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A handle of its own with a console on a screen.
pub(crate) struct Shown {
    pub(crate) telemetry: Telemetry,
    pub(crate) screen: Screen,
    guard: SinkGuard,
}

impl Shown {
    pub(crate) fn new() -> Self {
        Self::with(|console| console)
    }

    pub(crate) fn with(change: impl FnOnce(Console) -> Console) -> Self {
        let (telemetry, screen) = (Telemetry::new(), Screen::default());
        let guard = change(Console::to_writer(screen.clone())).attach("console", &telemetry).unwrap();
        Self { telemetry, screen, guard }
    }

    /// What stands on the screen now.
    pub(crate) fn now(&self) -> String {
        let flushed = self.guard.flush(Duration::from_secs(10));
        assert!(flushed.is_complete(), "{flushed:?}");
        self.screen.text()
    }

    /// What stands on the screen when the guard is gone.
    pub(crate) fn at_the_end(self) -> String {
        drop(self.guard);
        self.screen.text()
    }
}

pub(crate) fn id(text: &str) -> RequestId {
    text.parse().unwrap()
}

/// The clock is paused: it takes no time.
pub(crate) async fn wait(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds)).await;
}

/// Compares text with a snapshot whose lines are indented by a bar, and shows both.
#[track_caller]
pub(crate) fn assert_screen(shown: &str, expected: &str) {
    let expected: String = expected
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix('>'))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n")
        .collect();
    assert!(shown == expected, "\nshown:\n{shown}\nexpected:\n{expected}");
}
