//! Full queues, and writers that are stuck, fail or panic.

use std::io::{self, Write};
use std::time::Duration;

use crate::{Page, SOON, slow, tool};
use allm_telemetry::{
    Telemetry,
    bridge::json_lines::JsonLines,
    event::{EventName, Metadata, Phase},
    handler::WhenFull,
    prelude::*,
    testing::Capture,
};
use serde_json::Value as Json;

#[tokio::test]
async fn a_full_queue_drops_and_counts_and_the_call_goes_on() {
    let (disk, go, busy) = slow();
    let telemetry = Telemetry::new();
    let log = JsonLines::to_writer(disk).capacity(4).attach("log", &telemetry).unwrap();
    telemetry.scope(tool()).await;
    busy.recv_timeout(SOON).unwrap();
    // The thread holds a piece of one or two lines and is stuck; four wait, and the rest is lost.
    telemetry
        .scope(async {
            for _ in 0..10 {
                tool().await
            }
        })
        .await;
    let lost = log.lost();
    assert!((16..=17).contains(&lost), "{lost}");
    let stuck = log.flush(Duration::from_millis(1));
    assert!(stuck.lost == lost && stuck.waiting >= 4 && !stuck.is_complete(), "{stuck:?}");
    drop(go);
    assert_eq!(log.flush(SOON).waiting, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_waits_loses_nothing() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let log = JsonLines::to_writer(page.clone())
        .capacity(1)
        .when_full(WhenFull::Wait)
        .attach("log", &telemetry)
        .unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(telemetry.scope(async {
                for _ in 0..50 {
                    tool().await
                }
            }))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!(log.flush(SOON).is_complete());
    assert_eq!(page.lines().len(), 800);
}

/// As with a FIFO that nobody reads: the emitter waits, and who flushes does not wait for longer than asked.
#[test]
fn flush_keeps_its_deadline_though_the_writer_is_stuck_and_an_emitter_waits() {
    let (disk, go, busy) = slow();
    let telemetry = Telemetry::new();
    let mine = EventName::try_from("allm.mine").unwrap();
    let log = JsonLines::to_writer(disk).events([mine]).capacity(1).when_full(WhenFull::Wait);
    let log = log.attach("log", &telemetry).unwrap();
    let emitter = std::thread::spawn(move || {
        for n in 0..9 {
            telemetry.execute("mine", [("n", n)], Metadata::new()).unwrap();
        }
    });
    busy.recv_timeout(SOON).unwrap();
    let stuck = log.flush(Duration::from_millis(1));
    assert!(stuck.waiting >= 1 && stuck.lost == 0 && !emitter.is_finished(), "{stuck:?}");
    drop(go);
    emitter.join().unwrap();
    assert!(log.flush(SOON).is_complete());
}

/// Tries to write three times to a sink that cannot, and looks at what was told: all of it by the first.
async fn told_once(disk: JsonLines, reason: &str) {
    let capture = Capture::new();
    let log = disk.events([SpanName::Tool.event(Phase::Stop)]).attach("log", capture.telemetry()).unwrap();
    let fail = async || {
        capture.scope(tool()).await;
        assert_eq!(log.flush(SOON).waiting, 0);
    };
    fail().await;
    let failure = capture.wait_for("telemetry.handler.failure", SOON).await.unwrap();
    fail().await;
    fail().await;
    let flushed = log.flush(SOON);
    assert_eq!(flushed.lost, 3);
    assert!(flushed.error.expect("the cause").to_string().contains(reason));
    let failure = failure.as_event();
    assert_eq!(failure.metadata("kind").unwrap().as_str(), Some("io"));
    assert_eq!(failure.metadata("handler_id").unwrap().as_str(), Some("log"));
    assert!(failure.metadata("reason").unwrap().as_str().unwrap().contains(reason), "{failure:?}");
    assert_eq!(capture.named("telemetry.handler.failure").len(), 1);
    let attached = capture.telemetry().list_handlers("allm.tool.stop");
    assert!(attached.iter().any(|handler| &*handler.id == "log"), "it stays attached");
    capture.assert_balanced();
}

#[tokio::test]
async fn a_closed_pipe_is_reported_once_and_the_lines_are_counted() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    told_once(JsonLines::to_writer(writer), "Broken pipe").await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_reported_once_and_the_lines_are_counted() {
    told_once(JsonLines::to_file("/dev/full").unwrap(), "No space left").await;
}

#[tokio::test]
async fn half_a_line_that_a_failed_write_left_does_not_spoil_the_next() {
    /// Takes half of its first line, then fails once.
    struct Torn(Page, u32);
    impl Write for Torn {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 {
                1 => self.0.write(&bytes[..10]),
                2 => Err(io::ErrorKind::StorageFull.into()),
                _ => self.0.write(bytes),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let log = JsonLines::to_writer(Torn(page.clone(), 0))
        .events(SpanName::Tool.events())
        .attach("log", &telemetry)
        .unwrap();
    telemetry.scope(tool()).await;
    let _ = log.flush(SOON);
    telemetry.scope(tool()).await;
    let _ = log.flush(SOON);
    let whole = page.text().lines().filter(|line| serde_json::from_str::<Json>(line).is_ok()).count();
    assert_eq!((page.text().lines().count(), whole as u64), (1 + whole, 4 - log.lost()));
}

#[tokio::test]
async fn a_writer_that_panics_is_detached_and_reported() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("the writer is broken")
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let capture = Capture::new();
    let log = JsonLines::to_writer(Broken).attach("log", capture.telemetry()).unwrap();
    capture.scope(tool()).await;
    let failure = capture.wait_for("telemetry.handler.failure", SOON).await.unwrap();
    assert_eq!(failure.as_event().metadata("kind").unwrap().as_str(), Some("panic"));
    assert_eq!(failure.as_event().metadata("reason").unwrap().as_str(), Some("the writer is broken"));
    assert!(capture.telemetry().list_handlers("").iter().all(|handler| &*handler.id != "log"));
    assert!(!log.flush(SOON).is_complete());
    capture.assert_balanced();
}
