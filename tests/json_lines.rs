//! One event a line: what is written, what is lost, and what never leaves.
#![cfg(feature = "json-lines")]

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allm_telemetry::bridge::json_lines::JsonLines;
use allm_telemetry::testing::Capture;
use allm_telemetry::{
    Content, Policy, Telemetry, Usage,
    event::{EventName, Metadata, Phase, Value},
    handler::{AttachError, WhenFull},
    prelude::*,
    span,
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const SOON: Duration = Duration::from_secs(20);

/// A file that the test can read.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
    fn lines(&self) -> Vec<Json> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A disk that does nothing until the test says so, and then what the test says.
struct Slow(Receiver<io::Result<()>>, Sender<()>);

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.1.send(());
        self.0.recv().unwrap_or(Ok(())).map(|()| bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn slow() -> (Slow, Sender<io::Result<()>>, Receiver<()>) {
    let (go, wait) = channel();
    let (busy, is_busy) = channel();
    (Slow(wait, busy), go, is_busy)
}

async fn tool() {
    async {}.in_span_infallible(Span::tool("search", "call_1").engine("openai")).await;
}

#[test]
fn an_event_is_written_though_nobody_flushes_and_none_follows() {
    let (disk, go, is_busy) = slow();
    let telemetry = Telemetry::new();
    let only = EventName::try_from("allm.only").unwrap();
    let _log = JsonLines::to_writer(disk).events([only]).attach("log", &telemetry).unwrap();
    telemetry.execute("only", [("n", 1)], [("k", 1)]).unwrap();
    is_busy.recv_timeout(SOON).expect("the disk is asked to write");
    drop(go);
}

#[tokio::test(start_paused = true)]
async fn a_line_has_the_keys_of_the_contract_in_its_order() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let log = JsonLines::to_writer(page.clone()).attach("log", &telemetry).unwrap();
    telemetry.scope(tool()).await;
    assert!(log.flush(SOON).is_complete());
    let text = page.text();
    let stop = text.lines().last().unwrap();
    let shape: String = {
        let json: Json = serde_json::from_str(stop).unwrap();
        let metadata = &json["metadata"];
        assert_eq!(metadata["request_id"].as_str().unwrap().len(), 22);
        assert_eq!(metadata["span_id"].as_str().unwrap().len(), 16);
        stop.replace(metadata["request_id"].as_str().unwrap(), "R")
            .replace(metadata["span_id"].as_str().unwrap(), "S")
    };
    let time = serde_json::from_str::<Json>(stop).unwrap()["measurements"]["monotonic_time"].to_string();
    assert_eq!(
        shape.replace(&time, "T"),
        concat!(
            r#"{"event":"allm.tool.stop","measurements":{"duration":0,"monotonic_time":T},"#,
            r#""metadata":{"request_id":"R","span_id":"S","parent_span_id":null,"engine":"openai","model":null,"#,
            r#""tool_call_id":"call_1","tool_name":"search","outcome":"completed","error":null,"error_type":null,"#,
            r#""result":null}}"#
        )
    );
}

fn secretive() -> Span<impl allm_telemetry::observe::Observe<()>> {
    Span::generate().metadata("tenant", "SECRET tenant").observe(|_: &(), record: &mut Record<'_>| {
        record.output(|| "SECRET reply");
        record.result(|| "SECRET response");
        record.metadata("note", "SECRET note");
        record.usage(Usage::new().input(3));
    })
}

async fn tell_secrets() {
    async {}.in_span_infallible(secretive().input(|| "SECRET prompt")).await;
    let _ = async { Err::<(), _>(io::Error::other("SECRET error")) }.in_span(Span::generate()).await;
    let boom = async { panic!("SECRET panic") }.in_span_infallible(Span::step());
    let _ = tokio::spawn(boom.in_current_context()).await;
    allm_telemetry::adapter_retry(1, Duration::ZERO, "SECRET reason");
    span(SpanName::Tool, Metadata::new(), async { ((), [("result", "SECRET result")]) }).await;
}

#[tokio::test]
async fn no_content_and_no_key_of_the_user_leaves_by_default() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let log = JsonLines::to_writer(page.clone()).attach("log", &telemetry).unwrap();
    telemetry.scope(tell_secrets()).await;
    assert!(log.flush(SOON).is_complete());
    assert!(!page.text().contains("SECRET"), "{}", page.text());
    assert!(!page.text().contains("\"output\""), "whether there was an output is told by no key");
    assert_eq!(page.lines().len(), 9);
    assert_eq!(page.lines()[1]["metadata"]["usage"]["input_tokens"], 3);
    assert_eq!(page.lines()[3]["metadata"]["error_type"], "std::io::error::Error");
}

#[tokio::test]
async fn content_leaves_field_by_field_through_the_redactor_and_users_keys_when_named() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let policy =
        Policy::new().user_keys(["tenant"]).content(Content::INPUT | Content::ERROR, |key, value| {
            Some(format!("{key}: {}", value.to_string().len()).into())
        });
    let log = JsonLines::to_writer(page.clone()).policy(policy).attach("log", &telemetry).unwrap();
    telemetry.scope(tell_secrets()).await;
    assert!(log.flush(SOON).is_complete());
    let lines = page.lines();
    assert_eq!(lines[0]["metadata"]["input"], "input: 13");
    assert_eq!(lines[0]["metadata"]["tenant"], "SECRET tenant");
    assert_eq!(lines[3]["metadata"]["error"], "error: 12");
    assert_eq!(page.text().matches("SECRET").count(), page.text().matches("SECRET tenant").count());
}

#[tokio::test]
async fn a_redactor_that_panics_lets_nothing_through() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let policy = Policy::new().content(Content::ALL, |_, _| panic!("the redactor fails"));
    let log = JsonLines::to_writer(page.clone()).policy(policy).attach("log", &telemetry).unwrap();
    telemetry.scope(tell_secrets()).await;
    assert!(log.flush(SOON).is_complete());
    assert!(!page.text().contains("SECRET"));
    assert_eq!(page.lines().len(), 9);
}

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
    assert_eq!(log.lost(), 3);
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
async fn dropping_the_guard_writes_what_is_queued_and_detaches() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let log = JsonLines::to_writer(page.clone()).attach("log", &telemetry).unwrap();
    assert!(matches!(
        JsonLines::to_writer(io::sink()).attach("log", &telemetry),
        Err(AttachError::AlreadyExists { .. })
    ));
    telemetry.scope(tool()).await;
    drop(log);
    assert_eq!(page.lines().len(), 2);
    telemetry.scope(tool()).await;
    assert_eq!(page.lines().len(), 2);
    assert!(telemetry.list_handlers("").is_empty());
}

#[tokio::test]
async fn detached_by_its_id_it_stops_after_what_was_queued() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let log = JsonLines::to_writer(page.clone()).attach("log", &telemetry).unwrap();
    telemetry.scope(tool()).await;
    telemetry.detach("log").unwrap();
    telemetry.scope(tool()).await;
    assert!(log.flush(SOON).is_complete());
    drop(log);
    assert_eq!(page.lines().len(), 2);
}

#[test]
fn events_of_your_own_are_written_when_named_with_their_odd_values() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let name = EventName::try_from("allm.cache.hit").unwrap();
    let policy = Policy::new().user_keys(["key", "gone"]);
    let log =
        JsonLines::to_writer(page.clone()).events([name]).policy(policy).attach("log", &telemetry).unwrap();
    let metadata =
        Metadata::new().with("key", "a \"quoted\"\n\u{1}line").with("hidden", 1).with("gone", None::<bool>);
    telemetry.execute("cache.hit", [("nan", f64::NAN), ("half", 0.5)], metadata).unwrap();
    assert!(log.flush(SOON).is_complete());
    assert_eq!(
        page.text(),
        "{\"event\":\"allm.cache.hit\",\"measurements\":{\"nan\":null,\"half\":0.5},\
         \"metadata\":{\"key\":\"a \\\"quoted\\\"\\n\\u0001line\",\"gone\":null}}\n"
    );
}

#[test]
fn what_breaks_a_line_for_some_reader_is_escaped() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let name = EventName::try_from("allm.cache.hit").unwrap();
    let policy = Policy::new().user_keys(["text"]);
    let log =
        JsonLines::to_writer(page.clone()).events([name]).policy(policy).attach("log", &telemetry).unwrap();
    let text = "a\u{2028}b\u{2029}c\u{85}d\u{b}";
    telemetry.execute("cache.hit", [("n", 1)], Metadata::new().with("text", text)).unwrap();
    assert!(log.flush(SOON).is_complete());
    assert!(page.text().contains(r"a\u2028b\u2029c\u0085d\u000b"), "{}", page.text());
    assert_eq!(page.lines()[0]["metadata"]["text"], text);
}

proptest! {
    #[test]
    fn texts_and_numbers_are_written_as_a_parser_reads_them(text: String, int: i64, uint: u64, float: f64) {
        let list = vec![Value::from(text.clone()), int.into(), uint.into(), float.into()];
        let map = Metadata::new().with(text.clone(), list);
        let read: Json = serde_json::from_str(&Value::from(map).to_string()).unwrap();
        prop_assert_eq!(read, json!({ &text: [&text, int, uint, float] }));
    }
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
