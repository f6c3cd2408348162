//! Rotation by another process, as logrotate does it, while the log is written.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::SOON;
use crate::files::Folder;
use allm_telemetry::{SpanName, Telemetry, bridge::json_lines::JsonLines, prelude::*};
use serde_json::Value as Json;

/// The file to which the other process writes.
const LOG: &str = "ALLM_TEST_ROTATED_LOG";

/// A service with a log. It opens the file again for each line that it reads, as it would for `SIGHUP`, and ends at the end of its
/// input. At last it says how many events it has emitted.
fn serve(file: &Path) {
    let telemetry = Telemetry::new();
    let log = JsonLines::to_file(file).unwrap().events(SpanName::Tool.events());
    let log = log.attach("log", &telemetry).unwrap();
    let (reopen, is_over) = (log.reopen_handle(), AtomicBool::new(false));
    let emitted = std::thread::scope(|scope| {
        scope.spawn(|| {
            io::stdin().lock().lines().for_each(|_| reopen.reopen());
            is_over.store(true, Ordering::SeqCst);
        });
        let mut emitted = 0;
        while !is_over.load(Ordering::SeqCst) {
            telemetry.run(|| Span::tool("search", format!("{emitted}")).start().complete());
            emitted += 2;
            std::thread::sleep(Duration::from_micros(50));
        }
        emitted
    });
    let flushed = log.flush(SOON);
    assert!(flushed.is_complete() && flushed.error.is_none(), "{flushed:?}");
    println!("\nemitted {emitted}");
}

/// The other process, and how to talk to it.
struct Service(Child);

impl Service {
    /// Runs the test of this name in the other process.
    fn start(test: &str, file: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([test, "--exact", "--nocapture"]).env(LOG, file);
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn reopen(&mut self) {
        writeln!(self.0.stdin.as_mut().unwrap(), "reopen").unwrap();
    }

    /// Ends it, and returns how many events it has emitted.
    fn end(mut self) -> usize {
        drop(self.0.stdin.take());
        let output = self.0.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let emitted = text.lines().find_map(|line| line.strip_prefix("emitted ")).expect("it says how many");
        emitted.parse().unwrap()
    }
}

/// Waits until the log has so many bytes.
fn wait_for(file: &Path, bytes: u64) {
    let since = Instant::now();
    while fs::metadata(file).map_or(0, |it| it.len()) < bytes {
        assert!(since.elapsed() < SOON, "nothing is written to {}", file.display());
        std::thread::yield_now();
    }
}

/// The ids of the calls in some files, each of which has two lines, all of them whole.
fn calls(files: impl IntoIterator<Item = PathBuf>) -> Vec<usize> {
    let text: String = files.into_iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let id = |line| {
        let line: Json = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        line["metadata"]["tool_call_id"].as_str().unwrap().parse().unwrap()
    };
    text.lines().map(id).collect()
}

#[test]
fn a_log_that_another_process_renames_again_and_again_loses_nothing() {
    if let Some(file) = std::env::var_os(LOG) {
        return serve(Path::new(&file));
    }
    let (folder, test) =
        (Folder::new(), "rotation::a_log_that_another_process_renames_again_and_again_loses_nothing");
    let file = folder.file("log");
    let mut service = Service::start(test, &file);
    let mut rotated = Vec::new();
    for number in 0..20 {
        wait_for(&file, 1_000);
        let to = folder.file(&format!("log.{number}"));
        fs::rename(&file, &to).unwrap();
        rotated.push(to);
        service.reopen();
    }
    wait_for(&file, 1_000);
    let emitted = service.end();
    rotated.push(file);
    let mut found = calls(rotated);
    found.sort_unstable();
    let expected: Vec<usize> = (0..emitted).step_by(2).flat_map(|id| [id, id]).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_log_that_another_process_copies_and_truncates_has_whole_lines_and_no_hole() {
    if let Some(file) = std::env::var_os(LOG) {
        return serve(Path::new(&file));
    }
    let (folder, test) = (
        Folder::new(),
        "rotation::a_log_that_another_process_copies_and_truncates_has_whole_lines_and_no_hole",
    );
    let file = folder.file("log");
    let service = Service::start(test, &file);
    for _ in 0..20 {
        wait_for(&file, 1_000);
        // What is written between the copy and the truncation is lost by design: the copy is not looked at.
        OpenOptions::new().write(true).truncate(true).open(&file).unwrap();
    }
    wait_for(&file, 1_000);
    let emitted = service.end();
    let found = calls([file]);
    // The last lines, up to the very last, and none twice.
    let expected: Vec<usize> = (0..emitted).step_by(2).flat_map(|id| [id, id]).collect();
    assert!(found.len() > 2 && expected.ends_with(&found), "{found:?}");
}
