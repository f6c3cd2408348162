//! `cargo run --example agent`: a chat agent on async-openai, streamed over real HTTP, with every call in a span.
//!
//! Start with conversation.rs, which contains all telemetry of the agent. This file attaches exporters and handlers, and shuts
//! down: at the end, or at Ctrl-C.

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
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use allm_telemetry::bridge::json_lines::JsonLines;
use allm_telemetry::{
    Content, Policy, Telemetry, capture_panic_backtraces,
    handler::{SinkGuard, WhenFull},
};
use lexopt::Parser;
use signal_hook::consts::SIGINT;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::options::{HELP, Options};
use crate::screen::{Screen, show};
use crate::summary::Summary;

type Failure = Box<dyn Error + Send + Sync>;

/// How long the end of the program waits for calls that are still running, and for the exporters.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// The exit code of a program that was ended by Ctrl-C: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(failure) => {
            // Only the first line: a server's error may have many.
            eprintln!("agent: {}", failure.to_string().lines().next().unwrap_or_default());
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, Failure> {
    let options = Options::parse(Parser::from_env())?;
    if options.help {
        show(&HELP);
        return Ok(ExitCode::SUCCESS);
    }
    // What the environment names: `ALLM_LOG` and the `OTEL_*` variables. The options are exporters besides.
    let _telemetry = allm_telemetry::init()?;
    let summary = Summary::attach()?;
    let _log = options.events.as_deref().map(|file| open_log(file, options.content)).transpose()?;
    let screen = Arc::new(Screen::open(&options)?);
    if options.chaos {
        chaos::hush_panics();
        chaos::attach_bad_handler()?;
    }
    capture_panic_backtraces();

    let runtime = Runtime::new()?;
    let (talked, report) = runtime.block_on(async {
        // At Ctrl-C the conversations are dropped: their tasks are aborted, and their spans end as `cancelled`.
        let talked = tokio::select! {
            talked = crowd::talk(&options, &screen) => talked.map(Some),
            pressed = interrupted() => pressed.map(|()| None).map_err(Failure::from),
        };
        (talked, allm_telemetry::shutdown(SHUTDOWN).await)
    });
    // The ends of spans on tasks that outlast even that are displayed and logged now.
    drop(runtime);
    drop(screen);
    let failures = talked?;
    show(&summary);
    if !report.is_complete() {
        return Err(report.to_string().into());
    }
    let Some(failures) = failures else { return Ok(ExitCode::from(INTERRUPTED)) };
    match failures.first() {
        Some(first) => {
            Err(format!("{} conversations failed, the first with: {first}", failures.len()).into())
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Completes when Ctrl-C is pressed.
async fn interrupted() -> io::Result<()> {
    let pressed = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, pressed.clone())?;
    while !pressed.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Writes every event as a line. If the queue is full the agent waits, so that no line is missing.
fn open_log(file: &Path, content: bool) -> Result<SinkGuard, Failure> {
    let writer = File::create(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let policy = if content { Policy::new().content_unredacted(Content::ALL) } else { Policy::new() };
    let log = JsonLines::to_writer(writer).when_full(WhenFull::Wait).policy(policy);
    Ok(log.attach("agent.log", &Telemetry::global())?)
}
