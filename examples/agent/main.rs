//! `cargo run --example agent`: a chat agent on async-openai, streamed over real HTTP, every call wrapped.
//!
//! conversation.rs is the file to read: it has all the telemetry of the agent itself. This one attaches who listens.

mod chaos;
mod client;
mod conversation;
mod crowd;
mod error;
mod options;
mod reply;
mod server;
mod summary;
mod tools;

use std::error::Error;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use allm_telemetry::{Telemetry, WhenFull};
use allm_telemetry::bridge::console::Console;
use allm_telemetry::bridge::json_lines::{Content, JsonLines, JsonLinesGuard};
use lexopt::Parser;
use tokio::runtime::Runtime;

use crate::options::{HELP, Options};
use crate::summary::Summary;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("agent: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Failure> {
    let options = Options::parse(Parser::from_env())?;
    if options.help {
        write!(stdout(), "{HELP}")?;
        return Ok(());
    }
    let summary = Summary::attach()?;
    let log = options.events.as_deref().map(|file| open_log(file, options.content)).transpose()?;
    let console = (options.parallel == 1).then(|| Console::new()...).transpose()?;
    if options.chaos {
        chaos::hush_panics();
        chaos::attach_bad_handler()?;
    }
    allm_telemetry::capture_panic_backtraces();

    let runtime = Runtime::new()?;
    let talked = runtime.block_on(crowd::talk(&options));
    // The runtime goes first: what still runs in it ends its spans now, and the log is written to its end after.
    drop(runtime);
    drop(console);
    if let Some(log) = log {
        let flushed = log.flush(Duration::from_secs(10));
    }
    talked?;
    write!(stdout(), "{summary}")?;
    Ok(())
}
