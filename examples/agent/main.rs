//! `cargo run --example agent`: a chat agent on async-openai, streamed over real HTTP, with every call in a span.
//!
//! Start with conversation.rs, which contains all telemetry of the agent. This file attaches exporters and handlers.

mod chaos;
mod client;
mod conversation;
mod crowd;
mod error;
mod options;
mod reply;
mod screen;
mod server;
mod summary;
mod tools;

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use allm_telemetry::bridge::json_lines::JsonLines;
use allm_telemetry::{
    Content, Policy, Telemetry, capture_panic_backtraces,
    handler::{SinkGuard, WhenFull},
};
use lexopt::Parser;
use tokio::runtime::Runtime;

use crate::options::{HELP, Options};
use crate::screen::{Screen, show};
use crate::summary::Summary;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Only the first line: a server's error may have many.
            eprintln!("agent: {}", failure.to_string().lines().next().unwrap_or_default());
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Failure> {
    let options = Options::parse(Parser::from_env())?;
    if options.help {
        show(&HELP);
        return Ok(());
    }
    let summary = Summary::attach()?;
    let log = options.events.as_deref().map(|file| open_log(file, options.content)).transpose()?;
    let screen = Arc::new(Screen::open(&options)?);
    if options.chaos {
        chaos::hush_panics();
        chaos::attach_bad_handler()?;
    }
    capture_panic_backtraces();

    let runtime = Runtime::new()?;
    let talked = runtime.block_on(crowd::talk(&options, &screen));
    // The runtime is dropped first: tasks that still run end their spans now, and these ends are displayed and logged.
    drop(runtime);
    drop(screen);
    let closed = log.map_or(Ok(()), |log| close_log(&log));
    let failures = talked?;
    show(&summary);
    closed?;
    match failures.first() {
        Some(first) => {
            Err(format!("{} conversations failed, the first with: {first}", failures.len()).into())
        }
        None => Ok(()),
    }
}

/// Writes every event as a line. If the queue is full the agent waits, so that no line is missing.
fn open_log(file: &Path, content: bool) -> Result<SinkGuard, Failure> {
    let writer = File::create(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let policy = if content { Policy::new().content_unredacted(Content::ALL) } else { Policy::new() };
    let log = JsonLines::to_writer(writer).when_full(WhenFull::Wait).policy(policy);
    Ok(log.attach("agent.log", &Telemetry::global())?)
}

fn close_log(log: &SinkGuard) -> Result<(), Failure> {
    let flushed = log.flush(Duration::from_secs(10));
    match flushed.lost + flushed.waiting {
        0 => Ok(()),
        missing => Err(format!("{missing} events are not in the log").into()),
    }
}
