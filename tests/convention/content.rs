//! What leaves of prompts, replies, tool calls and errors: nothing, until somebody says so, field by field.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use allm_telemetry::{
    Content, Policy, SpanName, adapter_retry,
    convention::Convention,
    event::{Metadata, OwnedEvent, Value, ValueRef},
    prelude::*,
};

use crate::shown::{OUTCOMES, Shown, all_content, ended, events, every_end, shown};

const SECRETS: [&str; 3] = ["the question", "the answer", "the text"];

fn letting(fields: Content) -> Convention {
    Convention::new().policy(Policy::new().content_unredacted(fields))
}

/// Everything that could leave, in one text.
fn all_of(said: &Shown) -> String {
    format!("{} {:?} {:?} {:?} {:?}", said.name, said.all(), said.exception, said.error_type, said.error_text)
}

#[test]
fn by_default_no_content_leaves_however_a_span_ends() {
    for (span, outcome) in every_end() {
        let text = all_of(&shown(&Convention::new(), &ended(span, outcome)));
        assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{span} {outcome}: {text}");
        assert!(!text.contains("lost"), "{span} {outcome}: the message of the panic in {text}");
        assert!(!text.contains("messages") && !text.contains("put.value"), "{span} {outcome}: {text}");
    }
}

#[test]
fn a_field_that_is_let_out_brings_no_other() {
    for (span, outcome) in every_end() {
        let events = ended(span, outcome);
        for (field, secret) in [Content::INPUT, Content::OUTPUT, Content::ERROR].into_iter().zip(SECRETS) {
            let text = all_of(&shown(&letting(field), &events));
            let others = SECRETS.iter().filter(|other| **other != secret);
            assert!(others.into_iter().all(|other| !text.contains(other)), "{span} {outcome}: {text}");
        }
    }
}

#[test]
fn the_text_of_an_error_and_of_a_panic_is_content() {
    for outcome in OUTCOMES {
        let said = shown(&letting(Content::ERROR), &ended(SpanName::Tool, outcome));
        let (text, message) = match outcome.as_str() {
            "error" => (Some("the text"), None),
            "panicked" => (Some("lost"), Some("lost")),
            _ => (None, None),
        };
        assert_eq!(said.error_text.as_deref(), text, "{outcome}");
        assert_eq!(said.exception.get("exception.message").map(String::as_str), message, "{outcome}");
    }
}

#[test]
fn the_reason_of_a_retry_is_content_and_its_class_is_not() {
    let events = events(|| {
        adapter_retry(2, std::time::Duration::from_millis(1_500), "429: the prompt was …");
        Span::chat().start().complete();
    });
    let retry = events[0].as_event();
    let told = |convention: &Convention| {
        let mut told = Vec::new();
        convention.event_attributes(&retry, |key, value| told.push(format!("{key} = {value}")));
        told
    };
    assert_eq!(told(&Convention::new()), ["allm.attempt = 2", "allm.delay = 1.5"]);
    let reason = "allm.reason = 429: the prompt was …";
    assert_eq!(told(&letting(Content::ERROR))[2..], [reason]);
}

#[test]
fn a_redactor_is_asked_once_for_each_field_and_what_it_gives_is_all_that_leaves() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let redact = move |key: &str, value: ValueRef<'_>| {
        count.fetch_add(1, Ordering::Relaxed);
        Some(Value::from(format!("{key} of {} letters", value.as_str()?.len())))
    };
    let convention =
        Convention::new().policy(Policy::new().content(Content::INPUT | Content::OUTPUT, redact));
    let said = shown(&convention, &ended(SpanName::Generate, OUTCOMES[0]));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(said.get("input.value"), Some("input of 12 letters"));
    assert_eq!(said.get("output.value"), Some("output of 10 letters"));
    assert!(said.get("gen_ai.input.messages").unwrap().contains("input of 12 letters"));
    assert!(SECRETS.iter().all(|secret| !all_of(&said).contains(secret)));
}

#[test]
fn a_redactor_that_fails_or_panics_lets_nothing_through() {
    let failing: [fn(&str, ValueRef<'_>) -> Option<Value>; 3] =
        [|_, _| None, |_, _| Some(Value::Null), |_, _| crate::support::lost()];
    for redact in failing {
        let convention = Convention::new().policy(Policy::new().content(Content::ALL, redact));
        for (span, outcome) in every_end() {
            let events = ended(span, outcome);
            let (said, without) = (shown(&convention, &events), shown(&Convention::new(), &events));
            assert_eq!(said.attributes, without.attributes, "{span} {outcome}");
            assert_eq!((said.exception, said.error_text), (without.exception, None), "{span} {outcome}");
        }
    }
}

/// The messages of an input or an output, as they leave.
fn sent(output: bool, value: impl Into<Value>) -> Option<serde_json::Value> {
    let value = value.into();
    let events: Vec<OwnedEvent> = events(|| {
        let mut span = Span::generate().input(|| value.clone()).start();
        span.record(|record| record.output(|| value.clone()));
        span.complete();
    });
    let key = if output { "gen_ai.output.messages" } else { "gen_ai.input.messages" };
    let said = shown(&all_content(), &events);
    said.get(key).map(|text| serde_json::from_str(text).expect("it is JSON"))
}

fn map<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
    Metadata::from(entries).into()
}

/// A list of messages in which one has no parts, or an output one no finish_reason, is dropped whole by a backend.
#[track_caller]
fn assert_well_formed(messages: &serde_json::Value, output: bool) {
    let messages = messages.as_array().expect("a list");
    assert!(!messages.is_empty());
    for message in messages {
        assert!(message["role"].is_string(), "{message}");
        assert!(message["parts"].as_array().is_some_and(|parts| !parts.is_empty()), "{message}");
        assert_eq!(message["finish_reason"].is_string(), output, "{message}");
    }
}

#[test]
fn whatever_is_given_becomes_messages_that_a_backend_takes() {
    let part = || map([("type", "text".into()), ("content", "hi".into())]);
    let shapes: Vec<Value> = vec![
        "hi".into(),
        "".into(),
        7.into(),
        vec!["a", "b"].into(),
        Value::List(vec![]),
        map([("anything", 1.into())]),
        map([("role", "user".into()), ("content", "hi".into())]),
        Value::List(vec![map([("role", "user".into())]), "stray".into()]),
        Value::List(vec![map([("role", "tool".into()), ("content", vec!["hi"].into())])]),
        Value::List(vec![map([("role", "user".into()), ("parts", Value::List(vec![]))])]),
        Value::List(vec![map([("role", "user".into()), ("parts", vec!["hi"].into())])]),
        Value::List(vec![map([("role", "user".into()), ("parts", Value::List(vec![part(), part()]))])]),
    ];
    for shape in shapes {
        for output in [false, true] {
            let messages = sent(output, shape.clone()).unwrap_or_else(|| panic!("nothing of {shape:?}"));
            assert_well_formed(&messages, output);
        }
    }
}

#[test]
fn messages_in_either_common_form_are_taken_as_messages() {
    let usual = Value::List(vec![
        map([("role", "system".into()), ("content", "be brief".into())]),
        map([("role", "user".into()), ("content", "2 + 2?".into())]),
    ]);
    let part = map([("type", "text".into()), ("content", "2 + 2?".into())]);
    let otel = Value::List(vec![map([("role", "user".into()), ("parts", Value::List(vec![part]))])]);
    let text = |words| serde_json::json!([{"type": "text", "content": words}]);
    let user = serde_json::json!({"role": "user", "parts": text("2 + 2?")});
    let system = serde_json::json!({"role": "system", "parts": text("be brief")});
    assert_eq!(sent(false, usual), Some(serde_json::json!([system, user])));
    assert_eq!(sent(false, otel), Some(serde_json::json!([user])));
}

#[test]
fn a_message_with_more_than_text_loses_nothing() {
    let call = map([("id", "call_1".into()), ("name", "search".into())]);
    let message = map([
        ("role", "assistant".into()),
        ("content", "let me look".into()),
        ("tool_calls", Value::List(vec![call])),
        ("finish_reason", "tool_calls".into()),
    ]);
    let messages = sent(true, Value::List(vec![message])).unwrap();
    let words = messages[0]["parts"][0]["content"].as_str().unwrap();
    assert!(words.contains(r#""tool_calls":[{"id":"call_1","name":"search"}]"#), "{words}");
    assert_eq!(messages[0]["role"], "assistant");
    assert_eq!(messages[0]["finish_reason"], "tool_calls");
}

#[test]
fn a_finish_reason_that_nobody_told_is_made_of_the_outcome() {
    for outcome in OUTCOMES {
        let events = events(|| {
            let mut span = Span::stream().start();
            span.record(|record| record.output(|| "so far"));
            match outcome.as_str() {
                "completed" => span.complete(),
                "error" => span.error("timeout", ""),
                "cancelled" => span.cancel(),
                "panicked" => {
                    let panic = std::panic::AssertUnwindSafe(|| span.enter(crate::support::lost::<()>));
                    std::panic::catch_unwind(panic).unwrap_err();
                }
                _ => drop(span),
            }
        });
        let said = shown(&all_content(), &events);
        let messages: serde_json::Value =
            serde_json::from_str(said.get("gen_ai.output.messages").unwrap()).unwrap();
        let expected = match outcome.as_str() {
            "completed" => "unknown",
            "panicked" => "error",
            other => other,
        };
        assert_eq!(messages[0]["finish_reason"], expected, "{outcome}");
    }
}

#[test]
fn a_structure_leaves_as_json_with_its_media_type() {
    let arguments = map([
        ("query", "a \"quoted\"\n\u{1}tab\t\\ é".into()),
        ("limits", Value::List(vec![1.into(), 2.5.into(), f64::NAN.into(), true.into(), Value::Null])),
        ("large", u64::MAX.into()),
        ("tiny", 1e-300.into()),
    ]);
    let events = events(|| Span::tool("search", "call_1").input(|| arguments.clone()).start().complete());
    let said = shown(&all_content(), &events);
    let expected = serde_json::json!({
        "query": "a \"quoted\"\n\u{1}tab\t\\ é",
        "limits": [1, 2.5, null, true, null],
        "large": u64::MAX,
        "tiny": 1e-300,
    });
    for key in ["gen_ai.tool.call.arguments", "input.value"] {
        let sent: serde_json::Value = serde_json::from_str(said.get(key).unwrap()).unwrap();
        assert_eq!(sent, expected, "{key}");
    }
    assert_eq!(said.get("input.mime_type"), Some("application/json"));
}

#[test]
fn a_result_stands_for_an_output_that_nobody_told() {
    let events = events(|| {
        let mut span = Span::tool("search", "call_1").start();
        span.record(|record| record.result(|| "3 hits"));
        span.complete();
    });
    let said = shown(&all_content(), &events);
    assert_eq!(said.get("gen_ai.tool.call.result"), Some("3 hits"));
    assert_eq!(said.get("output.value"), Some("3 hits"));
    assert_eq!(shown(&letting(Content::INPUT), &events).get("output.value"), None);
}

#[test]
fn a_streams_result_was_seen_by_its_reader_only() {
    let events = events(|| {
        let mut span = Span::tool("search", "call_1").start();
        span.chunk(|record| record.result(|| "3 hits"));
        span.complete();
    });
    let said = shown(&all_content(), &events);
    assert_eq!((said.get("gen_ai.tool.call.result"), said.get("output.value")), (None, None));
}

#[test]
fn to_name_a_key_of_the_catalogue_as_ones_own_lets_nothing_out() {
    let names = ["input", "output", "response", "error", "reason", "result", "model", "chunk_count"];
    let convention = Convention::new().policy(Policy::new().user_keys(names));
    for (span, outcome) in every_end() {
        let events = ended(span, outcome);
        let (said, without) = (shown(&convention, &events), shown(&Convention::new(), &events));
        assert_eq!(said.all(), without.all(), "{span} {outcome}");
    }
}
