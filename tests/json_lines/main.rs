//! One event a line: what is written, what is lost, and what never leaves.
#![cfg(feature = "json-lines")]

mod bounds;
mod failures;
mod files;
mod rotation;
#[path = "../support/mod.rs"]
mod support;
mod times;

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allm_telemetry::bridge::json_lines::JsonLines;
use allm_telemetry::{
    Content, Policy, Telemetry, Usage,
    event::{EventName, Metadata, Value},
    handler::AttachError,
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
    let json: Json = serde_json::from_str(stop).unwrap();
    let (time, monotonic) =
        (json["time"].as_str().unwrap(), json["measurements"]["monotonic_time"].to_string());
    assert_eq!(
        shape.replace(time, "TIME").replace(&monotonic, "T"),
        concat!(
            r#"{"time":"TIME","event":"allm.tool.stop","measurements":{"duration":0,"monotonic_time":T},"#,
            r#""metadata":{"request_id":"R","span_id":"S","parent_span_id":null,"engine":"openai","model":null,"#,
            r#""tool_call_id":"call_1","tool_name":"search","outcome":"completed","error":null,"error_type":null,"#,
            r#""result":null}}"#
        )
    );
}

#[tokio::test]
async fn a_cost_and_an_invalid_request_id_leave_without_being_named() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let log = JsonLines::to_writer(page.clone()).attach("log", &telemetry).unwrap();
    let work = async {
        let span = Span::generate().metadata("request_id", "has space");
        async {}.in_span_infallible(span.observe(|(): &(), record| record.cost_usd(0.5))).await;
    };
    telemetry.scope(work).await;
    assert!(log.flush(SOON).is_complete());
    let stop: Json = serde_json::from_str(page.text().lines().last().unwrap()).unwrap();
    assert_eq!(stop["measurements"]["cost_usd"], 0.5);
    assert_eq!(stop["metadata"]["cost_source"], "reported");
    assert_eq!(stop["metadata"]["invalid_request_id"], "has space");
}

#[tokio::test]
async fn a_usage_is_written_with_all_that_is_known_and_can_be_read_back() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let log = JsonLines::to_writer(page.clone()).attach("log", &telemetry).unwrap();
    let usage =
        Usage::new().input(150).cached_beside(1_000).cache_write_1h(50).output(16).reasoning_beside(64);
    let usage = usage.audio_input(7).total(1_230).web_searches(2).tier("flex").cost(0.25).estimated();
    let mut by_hand = telemetry.run(|| Span::generate().start());
    by_hand.record(|record| record.usage(usage.clone()));
    by_hand.complete();
    assert!(log.flush(SOON).is_complete());
    let written = page.lines().pop().unwrap()["metadata"]["usage"].take();
    let expected = json!({
        "input_tokens": 1_150, "output_tokens": 80, "cached_tokens": 1_000, "cache_write_tokens": 50,
        "reasoning_tokens": 64, "cache_write_1h_tokens": 50, "audio_input_tokens": 7, "total_tokens": 1_230,
        "web_search_requests": 2, "service_tier": "flex", "cost_usd": 0.25, "estimated": true,
    });
    assert_eq!(written, expected);
    // As an application does that replays a log.
    let read = |value: &Json| match value {
        Json::Bool(value) => Value::from(*value),
        Json::Number(value) => value.as_u64().map_or_else(|| value.as_f64().into(), Value::from),
        other => other.as_str().expect("a text").to_owned().into(),
    };
    let read: Metadata =
        written.as_object().unwrap().iter().map(|(key, value)| (key.clone(), read(value))).collect();
    let again = async { ((), Metadata::new().with("usage", read)) };
    telemetry.scope(span(SpanName::Generate, Metadata::new(), again)).await;
    assert!(log.flush(SOON).is_complete());
    assert_eq!(page.lines().pop().unwrap()["metadata"]["usage"], expected);
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
    assert_eq!(page.lines()[3]["metadata"]["error_type"], "io::Error");
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
    let policy = Policy::new().user_keys(["key", "gone", "nan", "half"]);
    let log =
        JsonLines::to_writer(page.clone()).events([name]).policy(policy).attach("log", &telemetry).unwrap();
    let metadata =
        Metadata::new().with("key", "a \"quoted\"\n\u{1}line").with("hidden", 1).with("gone", None::<bool>);
    telemetry
        .execute("cache.hit", [("nan", f64::NAN), ("half", 0.5), ("hidden_too", 1.0)], metadata)
        .unwrap();
    assert!(log.flush(SOON).is_complete());
    let text = page.text();
    let (time, rest) = text.split_at(r#"{"time":"2026-11-27T14:05:09.123456789Z","#.len());
    assert!(time.starts_with(r#"{"time":"2"#) && time.ends_with(r#"Z","#), "{time}");
    assert_eq!(
        rest,
        "\"event\":\"allm.cache.hit\",\"measurements\":{\"nan\":null,\"half\":0.5},\
         \"metadata\":{\"key\":\"a \\\"quoted\\\"\\n\\u0001line\",\"gone\":null}}\n"
    );
}

#[tokio::test]
async fn baggage_is_written_on_every_line_of_the_spans_inside_if_the_policy_names_it() {
    let (page, telemetry) = (Page::default(), Telemetry::new());
    let policy = Policy::new().user_keys(["user_id"]);
    let log = JsonLines::to_writer(page.clone()).policy(policy).attach("log", &telemetry).unwrap();
    let chat = Span::chat().baggage("user_id", 7).baggage("secret", "x");
    telemetry.scope(tool().in_span_infallible(chat)).await;
    assert!(log.flush(SOON).is_complete());
    let lines = page.lines();
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line["metadata"]["user_id"] == 7), "{lines:?}");
    assert!(!page.text().contains("secret"));
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
