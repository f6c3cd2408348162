//! The end of `main`: under `#[tokio::main]` its locals are dropped before the runtime and its tasks. In a process of its own
//! each, because the handle is the global one.

use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;

use allm_telemetry::{Telemetry, bridge::json_lines::JsonLines, handler::ShutdownReport, prelude::*};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::support::own_process::{in_its_own_process_with, passes_in_its_own_process};

const LONG: Duration = Duration::from_secs(20);

fn file(name: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("end-of-main-{name}.jsonl"));
    let _ = std::fs::remove_file(&file);
    file
}

/// The events of the log with their outcomes, as soon as `main` has returned.
fn log(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let line = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let outcome = event["metadata"]["outcome"].as_str().map(|outcome| format!(" {outcome}"));
        event["event"].as_str().unwrap().to_owned() + &outcome.unwrap_or_default()
    };
    text.lines().map(line).collect()
}

/// Spawns a call, waits until it runs, and returns.
async fn spawn_call(call: impl Future<Output = ()> + Send + 'static) {
    let (started, is_started) = oneshot::channel();
    let call = async {
        started.send(()).unwrap();
        call.await;
    };
    tokio::spawn(call.in_span_infallible(Span::generate()));
    is_started.await.unwrap();
}

#[tokio::main]
async fn main_that_shuts_down(log: &Path, call: impl Future<Output = ()> + Send + 'static) -> ShutdownReport {
    let _log = JsonLines::to_file(log).unwrap().attach("log", &Telemetry::global()).unwrap();
    spawn_call(call).await;
    allm_telemetry::shutdown(LONG).await
}

#[tokio::main(flavor = "current_thread")]
async fn main_on_one_thread(log: &Path, deadline: Duration) -> ShutdownReport {
    let _log = JsonLines::to_file(log).unwrap().attach("log", &Telemetry::global()).unwrap();
    spawn_call(pending()).await;
    allm_telemetry::shutdown(deadline).await
}

#[tokio::main]
async fn main_on_many_threads(log: &Path, deadline: Duration) -> ShutdownReport {
    let _log = JsonLines::to_file(log).unwrap().attach("log", &Telemetry::global()).unwrap();
    for _ in 0..50 {
        spawn_call(pending()).await;
    }
    allm_telemetry::shutdown(deadline).await
}

#[test]
fn a_spawned_call_that_is_still_running_at_the_end_of_main_is_waited_for_and_its_end_is_in_the_log() {
    passes_in_its_own_process(|| {
        let file = file("waits");
        let report = main_that_shuts_down(&file, async { sleep(Duration::from_millis(50)).await });
        assert!(report.is_complete(), "{report}");
        assert_eq!(log(&file), ["allm.generate.start", "allm.generate.stop completed"]);
    });
}

#[test]
fn a_spawned_call_that_outlasts_the_deadline_is_in_the_log_as_cancelled_on_one_thread() {
    passes_in_its_own_process(|| {
        let file = file("one-thread");
        let report = main_on_one_thread(&file, Duration::from_millis(20));
        assert_eq!(report.to_string(), "log: 1 written, 0 lost; open spans: 1 generate");
        assert_eq!(log(&file), ["allm.generate.start", "allm.generate.exception cancelled"]);
    });
}

#[test]
fn spawned_calls_that_outlast_the_deadline_are_in_the_log_as_cancelled_on_many_threads() {
    passes_in_its_own_process(|| {
        let file = file("many-threads");
        let report = main_on_many_threads(&file, Duration::from_millis(20));
        assert_eq!(report.to_string(), "log: 50 written, 0 lost; open spans: 50 generate");
        let log = log(&file);
        assert_eq!(log.iter().filter(|line| *line == "allm.generate.exception cancelled").count(), 50);
        assert_eq!(log.len(), 100);
    });
}

/// The way of the README, without its last line: as after an early return.
#[tokio::main]
async fn main_that_returns_early() {
    let _telemetry = allm_telemetry::init().unwrap();
    spawn_call(pending()).await;
}

#[test]
fn with_the_guard_of_init_alone_the_end_of_a_call_that_is_still_running_is_in_the_log() {
    let file = file("init");
    let value = format!("json:{}", file.display());
    let output = in_its_own_process_with(&[("ALLM_LOG", &value)], || {
        main_that_returns_early();
    });
    if let Some(output) = output {
        assert!(output.status.success(), "{output:?}");
        assert_eq!(log(&file), ["allm.generate.start", "allm.generate.exception cancelled"]);
    }
}
