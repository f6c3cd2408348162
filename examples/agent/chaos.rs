//! The faults that `--chaos` adds to a conversation. The faults of the server are in server.rs.

use std::panic::{self, panic_any};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use allm_telemetry::{Event, attach, handler::AttachError};

/// How a turn ends. Chosen by the number of the turn and not at random, so that every run has each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Good,
    /// The consumer stops after a few words of the answer.
    LosesInterest,
    /// The caller does not wait for the first byte.
    Impatient,
    /// The weather tool panics.
    BreaksTool,
}

impl Fate {
    pub(crate) fn of_turn(number: u32) -> Self {
        match number % 5 {
            0 => Self::BreaksTool,
            1 => Self::LosesInterest,
            2 => Self::Impatient,
            _ => Self::Good,
        }
    }

    /// How long to wait for the first byte.
    pub(crate) fn patience(self) -> Duration {
        match self {
            Self::Impatient => Duration::from_millis(60),
            _ => Duration::from_secs(60),
        }
    }

    pub(crate) fn stops_reading(self, text: &str) -> bool {
        self == Self::LosesInterest && text.len() > 20
    }

    pub(crate) fn strike(self, tool: &str) {
        if self == Self::BreaksTool && tool == "weather" {
            panic_any(PANIC);
        }
    }
}

const PANIC: &str = "chaos";

/// Attaches a handler that panics at its third event. It is then detached, and nothing else is affected.
pub(crate) fn attach_bad_handler() -> Result<(), AttachError> {
    let calls = AtomicU32::new(0);
    attach("agent.bad-handler", "allm.step.stop", move |_: &Event<'_>| {
        if calls.fetch_add(1, Ordering::Relaxed) == 2 {
            panic_any(PANIC);
        }
    })
}

/// These panics are intended, so they are not printed. All others are printed as usual.
pub(crate) fn hush_panics() {
    let loud = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref::<&str>() != Some(&PANIC) {
            loud(info);
        }
    }));
}
