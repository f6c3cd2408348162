//! Files: torn ends, and rotation.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Page, SOON, tool};
use allm_telemetry::{
    SpanName, Telemetry, bridge::json_lines::JsonLines, handler::SinkGuard, prelude::*, testing::Capture,
};
use serde_json::Value as Json;

/// A folder of a test's own, which is removed with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("allm-json-lines-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The ids of the tool calls in a file whose lines are all whole, two for each call.
fn calls(file: PathBuf) -> Vec<String> {
    let id = |line: &str| {
        let line: Json = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        line["metadata"]["tool_call_id"].as_str().unwrap().to_owned()
    };
    fs::read_to_string(file).unwrap().lines().map(id).collect()
}

fn call(telemetry: &Telemetry, id: &'static str) {
    telemetry.run(|| Span::tool("search", id).start().complete());
}

fn log_to(file: &PathBuf, telemetry: &Telemetry) -> SinkGuard {
    JsonLines::to_file(file).unwrap().events(SpanName::Tool.events()).attach("log", telemetry).unwrap()
}

fn flush(log: &SinkGuard) {
    let flushed = log.flush(SOON);
    assert!(flushed.is_complete() && flushed.error.is_none(), "{flushed:?}");
}

#[test]
fn a_file_that_ends_in_half_a_line_at_any_byte_gets_its_line_feed_first() {
    let (folder, telemetry) = (Folder::new(), Telemetry::new());
    let file = folder.file("log");
    let log = log_to(&file, &telemetry);
    call(&telemetry, "old");
    drop(log);
    let old = fs::read_to_string(&file).unwrap();
    for end in 0..=old.len() {
        fs::write(&file, &old[..end]).unwrap();
        let log = log_to(&file, &telemetry);
        call(&telemetry, "new");
        drop(log);
        let text = fs::read_to_string(&file).unwrap();
        let (kept, new) = text.split_at(end);
        assert_eq!(kept, &old[..end], "nothing that was there is changed");
        let is_torn = end > 0 && !kept.ends_with('\n');
        assert_eq!(is_torn, new.starts_with('\n'), "cut at {end}");
        let lines: Vec<Json> =
            new.trim_start().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "cut at {end}");
    }
}

/// Fails once it has taken so many bytes, and then works.
struct FailsAfter {
    page: Page,
    left: usize,
    has_failed: bool,
}

impl Write for FailsAfter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.has_failed {
            return self.page.write(bytes);
        }
        if self.left == 0 {
            self.has_failed = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        // In pieces, and now and then interrupted.
        let count = bytes.len().min(self.left).min(50);
        self.left -= count;
        self.page.write(&bytes[..count])
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_write_that_fails_after_any_byte_spoils_no_later_line_and_leaves_no_empty_one() {
    let telemetry = Telemetry::new();
    for left in 0..700 {
        let page = Page::default();
        let writer = FailsAfter { page: page.clone(), left, has_failed: false };
        let log = JsonLines::to_writer(writer).events(SpanName::Tool.events());
        let log = log.attach("log", &telemetry).unwrap();
        (0..3).for_each(|_| {
            call(&telemetry, "c");
            assert_eq!(log.flush(SOON).waiting, 0);
        });
        let text = page.text();
        let (whole, torn): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| serde_json::from_str::<Json>(line).is_ok());
        assert!(torn.len() <= 1 && torn.iter().all(|line| !line.is_empty()), "{left}: {torn:?}");
        // The lines before the failure are in the file, but all lines of the write count as lost.
        let written = 6 - log.lost() as usize;
        assert!((written..=written + 2).contains(&whole.len()), "{left}: {whole:?}");
        assert!(text.ends_with('\n'));
    }
}

#[test]
fn after_a_rename_and_reopen_lines_go_to_the_new_file_and_none_is_lost() {
    let (folder, telemetry) = (Folder::new(), Telemetry::new());
    let (file, rotated) = (folder.file("log"), folder.file("log.1"));
    let log = log_to(&file, &telemetry);
    call(&telemetry, "first");
    flush(&log);
    fs::rename(&file, &rotated).unwrap();
    call(&telemetry, "second");
    flush(&log);
    assert_eq!(calls(rotated.clone()), ["first", "first", "second", "second"]);

    let reopen = log.reopen_handle();
    reopen.reopen();
    // Without a flush: what is emitted after `reopen` has returned is not in the old file.
    (0..1_000).for_each(|_| call(&telemetry, "third"));
    flush(&log);
    assert_eq!(calls(rotated).len(), 4);
    assert_eq!(calls(file.clone()), vec!["third"; 2_000]);
    drop(log);
    reopen.reopen();
    assert_eq!(calls(file).len(), 2_000);
}

#[test]
fn an_idle_log_opens_the_new_file_at_once() {
    let (folder, telemetry) = (Folder::new(), Telemetry::new());
    let (file, rotated) = (folder.file("log"), folder.file("log.1"));
    let log = log_to(&file, &telemetry);
    fs::rename(&file, rotated).unwrap();
    log.reopen();
    let since = std::time::Instant::now();
    while !file.exists() {
        assert!(since.elapsed() < SOON, "no event is needed for it");
        std::thread::yield_now();
    }
}

#[test]
fn many_rotations_under_load_lose_and_tear_nothing() {
    let (folder, telemetry) = (Folder::new(), Telemetry::new());
    let file = folder.file("log");
    let log = log_to(&file, &telemetry);
    let rotated = std::thread::scope(|scope| {
        let emitting = telemetry.clone();
        let emitter = scope.spawn(move || (0..2_000).for_each(|_| call(&emitting, "c")));
        let mut rotated = Vec::new();
        while !emitter.is_finished() {
            let to = folder.file(&format!("log.{}", rotated.len()));
            // The thread may not have made the new file yet.
            if fs::rename(&file, &to).is_ok() {
                rotated.push(to);
                log.reopen();
            }
        }
        rotated
    });
    flush(&log);
    let written: usize = rotated.into_iter().chain([file]).map(|file| calls(file).len()).sum();
    assert_eq!(written, 4_000);
}

#[test]
fn after_copytruncate_the_file_begins_with_the_next_line() {
    let (folder, telemetry) = (Folder::new(), Telemetry::new());
    let (file, copy) = (folder.file("log"), folder.file("log.1"));
    let log = log_to(&file, &telemetry);
    call(&telemetry, "first");
    flush(&log);
    fs::copy(&file, &copy).unwrap();
    OpenOptions::new().write(true).truncate(true).open(&file).unwrap();
    call(&telemetry, "second");
    flush(&log);
    assert_eq!(calls(copy), ["first", "first"]);
    // No bytes of 0 where the old lines were.
    assert_eq!(calls(file), ["second", "second"]);
}

#[test]
fn a_relative_path_is_opened_again_where_it_was() {
    let folder = Folder::new();
    crate::support::own_process::passes_in_its_own_process(move || {
        std::env::set_current_dir(&folder.0).unwrap();
        let telemetry = Telemetry::new();
        let log = log_to(&"log".into(), &telemetry);
        std::env::set_current_dir("/").unwrap();
        log.reopen();
        call(&telemetry, "c");
        flush(&log);
        assert_eq!(calls(folder.file("log")).len(), 2);
    });
}

#[tokio::test]
async fn when_the_file_cannot_be_opened_again_the_old_one_is_kept_and_the_failure_is_reported() {
    let (folder, capture) = (Folder::new(), Capture::new());
    let (logs, moved) = (folder.file("logs"), folder.file("moved"));
    fs::create_dir(&logs).unwrap();
    let log = log_to(&logs.join("log"), capture.telemetry());
    fs::rename(&logs, &moved).unwrap();
    log.reopen();
    capture.scope(tool()).await;
    let flushed = log.flush(SOON);
    assert!(flushed.is_complete(), "no event is lost: {flushed:?}");
    let error = flushed.error.expect("the cause");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains(logs.join("log").to_str().unwrap()), "{error}");
    assert_eq!(calls(moved.join("log")).len(), 2);
    let failure = capture.wait_for("telemetry.handler.failure", SOON).await.unwrap();
    assert_eq!(failure.as_event().metadata("kind").unwrap().as_str(), Some("io"));
    assert_eq!(failure.as_event().metadata("reason").unwrap().as_str(), Some(&*error.to_string()));

    // It works again when the file can be opened, not when the next write succeeds.
    fs::create_dir(&logs).unwrap();
    log.reopen();
    capture.scope(tool()).await;
    assert_eq!(log.flush(SOON).waiting, 0);
    assert_eq!((calls(moved.join("log")).len(), calls(logs.join("log")).len()), (2, 2));
    let count = async || {
        while capture.named("telemetry.handler.failure").len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, count()).await.expect("a second report");
    let kinds: Vec<_> = capture.named("telemetry.handler.failure");
    assert_eq!(kinds[1].as_event().metadata("kind").unwrap().as_str(), Some("recovered"));
}

#[test]
fn reopen_of_a_writer_that_is_no_file_does_nothing() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let log = JsonLines::to_writer(page.clone()).attach("log", &telemetry).unwrap();
    call(&telemetry, "a");
    log.reopen();
    call(&telemetry, "b");
    flush(&log);
    assert_eq!(page.lines().len(), 4);
}

/// A writer that fails while its flag is set.
struct Flaky(Page, Arc<std::sync::atomic::AtomicBool>);

impl Write for Flaky {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.1.load(Ordering::SeqCst) {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            self.0.write(bytes)
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_failure_is_reported_once_when_it_begins_and_once_when_it_ends() {
    let (capture, page, fails) = (Capture::new(), Page::default(), Arc::default());
    let log = JsonLines::to_writer(Flaky(page.clone(), Arc::clone(&fails)));
    let log = log.events(SpanName::Tool.ends().iter().cloned()).attach("log", capture.telemetry()).unwrap();
    for is_failing in [false, true, true, true, false, false, true, false, true] {
        fails.store(is_failing, Ordering::SeqCst);
        capture.scope(tool()).await;
        let flushed = log.flush(SOON);
        assert_eq!(flushed.waiting, 0);
        assert!(!is_failing || flushed.error.unwrap().kind() == io::ErrorKind::StorageFull);
        // Without an event, nothing is written, so it does not work again.
        log.reopen();
    }
    let reports = || capture.named("telemetry.handler.failure");
    let all = async {
        while reports().len() < 5 {
            tokio::task::yield_now().await;
        }
    };
    drop(log);
    tokio::time::timeout(SOON, all).await.expect("five reports");
    let kinds: Vec<_> = reports()
        .iter()
        .map(|it| it.as_event().metadata("kind").unwrap().as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["io", "recovered", "io", "recovered", "io"]);
    assert_eq!(page.lines().len(), 4);
}
