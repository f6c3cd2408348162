//! The output of a run: the live tree of one conversation, or a progress bar for many.

use std::fmt::Display;
use std::io::{Write, stdout};
use std::time::Duration;

use allm_telemetry::Telemetry;
use allm_telemetry::bridge::console::Console;
use allm_telemetry::handler::SinkGuard;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use crate::Failure;
use crate::options::Options;

pub(crate) enum Screen {
    Tree(SinkGuard),
    Bar(ProgressBar),
}

impl Screen {
    pub(crate) fn open(options: &Options) -> Result<Self, Failure> {
        if options.parallel == 1 {
            return Ok(Self::Tree(Console::stdout().attach("agent.console", &Telemetry::global())?));
        }
        let turns = u64::from(options.parallel) * u64::from(options.turns);
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} turns, {elapsed}")?;
        Ok(Self::Bar(ProgressBar::new(turns).with_style(style).with_finish(ProgressFinish::AndClear)))
    }

    /// Prints a question or an answer, if there is only one conversation.
    pub(crate) fn say(&self, text: &str) {
        if let Self::Tree(console) = self {
            // The console writes from a thread of its own: wait until it has written what came before.
            let _ = console.flush(Duration::from_secs(1));
            show(&text);
        }
    }

    pub(crate) fn turn_is_over(&self) {
        if let Self::Bar(bar) = self {
            bar.inc(1);
        }
    }
}

/// A closed stdout means that its reader has stopped reading, which is not a failure.
pub(crate) fn show(text: &dyn Display) {
    let _ = writeln!(stdout(), "{text}");
}
