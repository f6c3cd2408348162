//! Reads a file of events line by line and holds it against what the crate promises of it.
//!
//! It knows the keys by itself instead of asking the crate's catalogue: both may not be wrong in the same way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};

pub(crate) struct Log {
    events: Vec<Entry>,
    spans: BTreeMap<String, Span>,
}

/// One line.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) measurements: Map<String, Value>,
    pub(crate) metadata: Map<String, Value>,
}

/// The lines that belong to one span, by their places in the file.
#[derive(Default)]
struct Span {
    starts: Vec<usize>,
    first_chunks: Vec<usize>,
    ends: Vec<usize>,
    retries: u64,
}

/// Keys of every span event, of every stop, of every exception.
const START: &[&str] = &["request_id", "span_id", "engine", "model", "parent_span_id"];
const STOP: &[&str] = &["outcome", "error", "error_type"];
const EXCEPTION: &[&str] = &["outcome", "error_type", "kind", "reason", "stacktrace"];
/// Keys that stand where somebody set them. The agent sets each for all spans of a name or for none.
const OPTIONAL: &[&str] =
    &["provider", "agent_name", "conversation_id", "server_address", "server_port", "input", "output"];
/// Null in a file without content.
const CONTENT: &[&str] =
    &["input", "output", "response", "chat_result", "step_result", "result", "error", "reason"];

/// Start keys, measurements and result keys of a span of the agent.
fn own_keys(span: &str) -> [&'static [&'static str]; 3] {
    match span {
        "chat" => [&[], &[], &["chat_result"]],
        "step" => [&[], &[], &["step_result"]],
        "tool" => [&["tool_call_id", "tool_name"], &[], &["result"]],
        "stream" => [
            &[],
            &["chunk_count", "time_to_first_chunk", "producer_wait", "longest_wait", "consumer_time"],
            &[
                "response",
                "usage",
                "usage_status",
                "response_model",
                "response_id",
                "finish_reasons",
                "attempts",
            ],
        ],
        other => panic!("the agent has no span {other}"),
    }
}

impl Entry {
    fn parse(line: &str) -> Self {
        let Ok(Value::Object(mut object)) = serde_json::from_str(line) else {
            panic!("no JSON object: {line}")
        };
        let mut take = |key| match object.remove(key) {
            Some(Value::Object(part)) => part,
            other => panic!("{key} is {other:?} in {line}"),
        };
        let (measurements, metadata) = (take("measurements"), take("metadata"));
        let name = object.remove("event").and_then(|name| Some(name.as_str()?.to_owned()));
        let time = object.remove("time").and_then(|time| Some(time.as_str()?.to_owned()));
        assert!(time.is_some_and(|time| time.starts_with("20") && time.ends_with('Z')), "no time: {line}");
        assert!(object.is_empty(), "keys beside time, event, measurements and metadata: {line}");
        Self { name: name.unwrap_or_else(|| panic!("no event name: {line}")), measurements, metadata }
    }

    /// `stream` and `stop` of `allm.stream.stop`.
    fn span_event(&self) -> Option<(&str, &str)> {
        let (span, phase) = self.name.strip_prefix("allm.")?.split_once('.')?;
        (span != "adapter").then_some((span, phase))
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.metadata.get(key)?.as_str()
    }

    fn number(&self, key: &str) -> u64 {
        let number = self.measurements.get(key).and_then(Value::as_u64);
        number.unwrap_or_else(|| panic!("{key} of {} is no whole number", self.name))
    }

    fn keys(&self) -> BTreeSet<&str> {
        self.metadata.keys().map(String::as_str).collect()
    }
}

impl Log {
    pub(crate) fn read(path: &Path) -> Self {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn");
        let mut log = Self { events: text.lines().map(Entry::parse).collect(), spans: BTreeMap::new() };
        for (place, event) in log.events.iter().enumerate() {
            let Some(id) = event.text("span_id") else { continue };
            let span = log.spans.entry(id.to_owned()).or_default();
            match event.span_event() {
                Some((_, "start")) => span.starts.push(place),
                Some((_, "first_chunk")) => span.first_chunks.push(place),
                Some((_, "stop" | "exception")) => span.ends.push(place),
                Some((_, other)) => panic!("no phase: {other}"),
                None => span.retries += 1,
            }
        }
        log
    }

    pub(crate) fn events(&self) -> &[Entry] {
        &self.events
    }

    /// All that holds of any log of the agent, whatever happened in it.
    pub(crate) fn check(&self) {
        self.every_span_that_started_ended_once();
        self.parents_and_request_ids_fit();
        self.durations_are_differences_of_monotonic_time();
        self.keys_are_those_of_the_catalogue();
        self.attempts_are_one_more_than_the_retries();
    }

    fn every_span_that_started_ended_once(&self) {
        for (id, span) in &self.spans {
            assert_eq!(span.starts.len(), 1, "starts of {id}");
            assert_eq!(span.ends.len(), 1, "ends of {id}");
            assert!(span.first_chunks.len() <= 1, "first chunks of {id}");
            let order =
                [&span.starts, &span.first_chunks, &span.ends].map(|places| places.as_slice()).concat();
            assert!(order.is_sorted(), "{id} begins, then streams, then ends");
        }
    }

    fn parents_and_request_ids_fit(&self) {
        let mut outermost = BTreeSet::new();
        for span in self.spans.values() {
            let start = &self.events[span.starts[0]];
            let name = start.span_event().map(|(name, _)| name);
            let parent = start.text("parent_span_id").map(|id| &self.events[self.spans[id].starts[0]]);
            let around = parent.and_then(|parent| parent.span_event()).map(|(name, _)| name);
            let expected = match name {
                Some("chat") => None,
                Some("step") => Some("chat"),
                _ => Some("step"),
            };
            assert_eq!(around, expected, "what is around a {name:?}");
            let request_id = start.text("request_id").unwrap_or_else(|| panic!("no request id: {name:?}"));
            match parent {
                Some(parent) => {
                    assert_eq!(parent.text("request_id"), Some(request_id), "a child's request id")
                }
                None => assert!(outermost.insert(request_id), "two outermost spans share {request_id}"),
            }
            for place in span.first_chunks.iter().chain(&span.ends) {
                let later = &self.events[*place];
                for (key, value) in &start.metadata {
                    assert_eq!(later.metadata.get(key), Some(value), "{key} from the start of {name:?} on");
                }
            }
        }
        let retries = self.events.iter().filter(|event| event.name == "allm.adapter.retry");
        for retry in retries {
            let span = retry.text("span_id").unwrap_or_else(|| panic!("a retry outside any span"));
            let start = &self.events[self.spans[span].starts[0]];
            assert_eq!(retry.text("request_id"), start.text("request_id"), "a retry's request id");
        }
    }

    fn durations_are_differences_of_monotonic_time(&self) {
        for span in self.spans.values() {
            let (start, end) = (&self.events[span.starts[0]], &self.events[span.ends[0]]);
            let began = start.number("monotonic_time");
            assert_eq!(end.number("monotonic_time") - began, end.number("duration"), "{}", end.name);
            for first_chunk in span.first_chunks.iter().map(|place| &self.events[*place]) {
                let after = first_chunk.number("time_to_first_chunk");
                assert_eq!(first_chunk.number("monotonic_time") - began, after, "{}", first_chunk.name);
                assert_eq!(end.number("time_to_first_chunk"), after, "{}", end.name);
            }
        }
    }

    fn keys_are_those_of_the_catalogue(&self) {
        let mut key_sets = BTreeMap::new();
        for event in &self.events {
            let Some((span, phase)) = event.span_event() else {
                self.keys_outside_spans(event);
                continue;
            };
            let [start_keys, own_measurements, result_keys] = own_keys(span);
            let (measurements, metadata) = match phase {
                "start" => (vec!["system_time", "monotonic_time"], vec![]),
                "first_chunk" => (vec!["time_to_first_chunk", "monotonic_time"], vec![]),
                "stop" => (
                    [&["duration", "monotonic_time"], own_measurements].concat(),
                    [STOP, result_keys].concat(),
                ),
                _ => (
                    [&["duration", "monotonic_time"], own_measurements].concat(),
                    [EXCEPTION, result_keys].concat(),
                ),
            };
            let metadata: BTreeSet<&str> = [START, start_keys, &metadata].concat().into_iter().collect();
            let found = event.keys();
            let missing: Vec<_> = metadata.difference(&found).collect();
            assert!(missing.is_empty(), "{} lacks {missing:?}", event.name);
            let beyond: Vec<_> = found.difference(&metadata).filter(|key| !OPTIONAL.contains(key)).collect();
            assert!(beyond.is_empty(), "{} has {beyond:?} beyond the catalogue", event.name);
            assert_same_keys(&event.name, &event.measurements, &measurements);
            let first = key_sets.entry(event.name.as_str()).or_insert_with(|| found.clone());
            assert_eq!(*first, found, "every {} has one key set", event.name);
        }
    }

    fn keys_outside_spans(&self, event: &Entry) {
        let metadata: &[&str] = match event.name.as_str() {
            "allm.adapter.retry" => &[
                "attempt",
                "delay_ms",
                "reason",
                "error_type",
                "request_id",
                "span_id",
                "engine",
                "model",
                "provider",
            ],
            "telemetry.handler.failure" => &["event_name", "handler_id", "kind", "reason", "stacktrace"],
            other => panic!("the agent emits no {other}"),
        };
        assert_same_keys(&event.name, &event.measurements, &["system_time", "monotonic_time"]);
        assert_same_keys(&event.name, &event.metadata, metadata);
    }

    fn attempts_are_one_more_than_the_retries(&self) {
        for span in self.spans.values() {
            let end = &self.events[span.ends[0]];
            if let Some(attempts) = end.metadata.get("attempts") {
                assert_eq!(attempts.as_u64(), Some(1 + span.retries), "attempts of a {}", end.name);
            }
        }
    }

    /// In a file without `--content` what was said is nowhere.
    pub(crate) fn check_no_content(&self) {
        for event in &self.events {
            for (key, value) in event.metadata.iter().filter(|(key, _)| CONTENT.contains(&key.as_str())) {
                assert!(value.is_null(), "{} tells its {key}", event.name);
            }
        }
    }

    /// How many spans of a name ended in an outcome, how often was retried, how many handlers failed.
    pub(crate) fn counts(&self) -> BTreeMap<(String, String), u64> {
        let mut counts = BTreeMap::new();
        for event in &self.events {
            let key = match (event.span_event(), event.text("outcome"), event.name.as_str()) {
                (Some((span, _)), Some(outcome), _) => (span.to_owned(), outcome.to_owned()),
                (_, _, "allm.adapter.retry") => ("retries".to_owned(), String::new()),
                (_, _, "telemetry.handler.failure") => ("handler failures".to_owned(), String::new()),
                _ => continue,
            };
            *counts.entry(key).or_default() += 1;
        }
        counts
    }
}

fn assert_same_keys(event: &str, found: &Map<String, Value>, expected: &[&str]) {
    let found: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(found, expected.iter().copied().collect(), "keys of {event}");
}
