//! How large a value may be that leaves, and what it may not contain.

use allm_telemetry::{
    Content, Policy,
    convention::Convention,
    event::{Metadata, OwnedEvent, Value},
    prelude::*,
};
use proptest::prelude::*;

use crate::shown::{Shown, events, shown};

const KIB: usize = 1_024;
const MARKER: &str = "…[truncated]";

fn letting_out() -> Policy {
    Policy::new().content_unredacted(Content::ALL)
}

fn asking(input: impl Into<Value>) -> Vec<OwnedEvent> {
    let input = input.into();
    events(|| Span::generate().input(|| input.clone()).start().complete())
}

fn of(policy: &Policy, events: &[OwnedEvent]) -> Shown {
    shown(&Convention::new().policy(policy.clone()), events)
}

/// The input that a policy exports.
fn exported(policy: &Policy, input: impl Into<Value>) -> Value {
    let event = &asking(input)[0];
    let entry = event.as_event().metadata_entries().find(|entry| entry.key == "input").unwrap();
    policy.apply(&entry).unwrap().value().to_value()
}

#[test]
fn content_is_cut_at_64_kib_with_a_marker_and_counted() {
    let policy = letting_out();
    let said = of(&policy, &asking("€".repeat(5 * KIB * KIB / 3)));
    let text = said.get("input.value").unwrap();
    assert!(text.len() <= 64 * KIB && text.len() > 64 * KIB - 3, "{}", text.len());
    assert!(text.ends_with(&format!("€{MARKER}")));
    assert_eq!(policy.cut_count(), 1, "once, although two attributes have it");
    let messages: serde_json::Value =
        serde_json::from_str(said.get("gen_ai.input.messages").unwrap()).unwrap();
    assert_eq!(messages[0]["parts"][0]["content"], text);
}

#[test]
fn the_size_at_which_content_is_cut_can_be_set_and_what_fits_is_whole() {
    let policy = letting_out().max_content_bytes(200);
    assert_eq!(exported(&policy, "x".repeat(200)), "x".repeat(200).into());
    assert_eq!(policy.cut_count(), 0);
    let cut = format!("{}{MARKER}", "x".repeat(200 - MARKER.len()));
    assert_eq!(exported(&policy, "x".repeat(201)), cut.into());
    assert_eq!(
        exported(&letting_out().max_content_bytes(KIB * KIB), "x".repeat(100 * KIB)),
        "x".repeat(100 * KIB).into()
    );
}

#[test]
fn content_is_cut_after_it_was_redacted() {
    let policy = Policy::new().content(Content::INPUT, |_, value| {
        assert!(value.as_str()?.ends_with("secret"), "it sees the whole");
        Some("y".repeat(100 * KIB).into())
    });
    let said = of(&policy, &asking("x".repeat(70 * KIB) + "secret"));
    assert_eq!(said.get("input.value").unwrap().len(), 64 * KIB);
}

fn message(role: &'static str, content: String) -> Value {
    Metadata::new().with("role", role).with("content", content).into()
}

#[test]
fn messages_that_are_cut_are_still_messages_and_short_ones_are_whole() {
    let policy = letting_out();
    let talk = vec![
        message("system", "s".repeat(300 * KIB)),
        message("user", "What is in it?".to_owned()),
        message("assistant", "a".repeat(20 * KIB)),
    ];
    let said = of(&policy, &asking(Value::List(talk)));
    let text = said.get("gen_ai.input.messages").unwrap();
    assert!(text.len() < 65 * KIB, "{}", text.len());
    let messages: serde_json::Value = serde_json::from_str(text).unwrap();
    let content = |index: usize| messages[index]["parts"][0]["content"].as_str().unwrap();
    assert_eq!(
        (messages[0]["role"].as_str(), messages[2]["role"].as_str()),
        (Some("system"), Some("assistant"))
    );
    assert!(content(0).ends_with(MARKER) && content(0).len() == 32 * KIB);
    assert_eq!(content(1), "What is in it?");
    assert_eq!(content(2), "a".repeat(20 * KIB));
    assert_eq!(policy.cut_count(), 1);
}

#[test]
fn of_more_elements_than_fit_the_first_are_kept() {
    let policy = letting_out();
    let many = (0..100_000).map(|number: u64| number.into()).collect();
    let Value::List(kept) = exported(&policy, Value::List(many)) else { panic!("it is a list") };
    assert!((1_000..=64 * KIB).contains(&kept.len()), "{}", kept.len());
    assert_eq!((kept[0].clone(), kept.last().cloned()), (0.into(), Some(MARKER.into())));
    assert_eq!(policy.cut_count(), 1);
}

#[test]
fn any_other_attribute_is_cut_at_1_kib() {
    let convention = Convention::new().policy(Policy::new().user_keys(["tenant", "tags"]));
    let long = || "m".repeat(KIB * KIB);
    let stop = (0..500).map(|number| format!("stop {number}"));
    let events = events(|| {
        let span = Span::generate().model(long()).conversation_id(long()).stop_sequences(stop);
        let span = span.metadata("tenant", long()).metadata("tags", vec![long(), long()]);
        span.start().complete();
    });
    let said = shown(&convention, &events);
    for (key, value) in &said.attributes {
        assert!(value.len() <= 3 * KIB, "{key} has {} bytes", value.len());
    }
    for key in ["gen_ai.request.model", "gen_ai.conversation.id", "session.id", "tenant"] {
        assert_eq!(said.get(key).map(str::len), Some(KIB), "{key}");
        assert!(said.get(key).unwrap().ends_with(MARKER), "{key}");
    }
    let stop = said.get("gen_ai.request.stop_sequences").unwrap();
    assert!(stop.contains("\"stop 100\"") && stop.ends_with(&format!("\"{MARKER}\"]")), "{stop}");
    assert!(convention.cut_count() >= 6, "{}", convention.cut_count());
    assert_eq!(said.name, "chat _OTHER");
}

#[test]
fn a_literal_is_cut_and_freed_of_nul_as_any_text_is() {
    let long = str::from_utf8(&[b'e'; 2 * KIB]).unwrap();
    let cut = "e".repeat(KIB - MARKER.len()) + MARKER;
    for (engine, expected) in [(long, &*cut), ("op\0en", "op\u{fffd}en"), ("openai", "openai")] {
        let convention = Convention::new();
        let said = shown(&convention, &events(|| Span::generate().engine(engine).start().complete()));
        for key in ["allm.engine", "gen_ai.provider.name", "llm.provider", "llm.system"] {
            assert_eq!(said.get(key), Some(expected), "{key}");
        }
        assert_eq!(convention.cut_count() > 0, engine.len() > KIB);
    }
}

#[test]
fn the_entries_of_an_event_are_cut_as_attributes_are() {
    let long = || "m".repeat(KIB * KIB);
    let events =
        events(|| Span::tool("search", "call_1").model(long()).metadata("tenant", long()).start().complete());
    let policy = Policy::new().user_keys(["tenant"]);
    let entries = events[0].as_event();
    for entry in entries.metadata_entries() {
        let size = policy.apply(&entry).map_or(0, |value| value.value().to_string().len());
        assert!(size <= KIB, "{} has {size} bytes", entry.key);
    }
    assert_eq!(policy.cut_count(), 2);
}

#[test]
fn a_stack_trace_is_not_cut_at_1_kib() {
    fn deep(levels: u32) -> u32 {
        assert!(levels > 0, "lost");
        std::hint::black_box(deep)(levels - 1) + 1
    }
    allm_telemetry::capture_panic_backtraces();
    let events = events(|| {
        let mut span = Span::tool("search", "call_1").start();
        let panic = std::panic::AssertUnwindSafe(|| span.enter(|| deep(100)));
        std::panic::catch_unwind(panic).unwrap_err();
    });
    let trace = &shown(&Convention::new(), &events).exception["exception.stacktrace"];
    assert!(trace.len() > 2 * KIB && !trace.contains(MARKER), "{trace}");
    let entry = events[1].as_event().metadata_entries().find(|entry| entry.key == "stacktrace").unwrap();
    assert_eq!(Policy::new().apply(&entry).unwrap().value().as_str(), Some(trace.as_str()));
}

#[test]
fn no_nul_leaves_in_a_name_an_attribute_or_content() {
    let nested = Metadata::new().with("role", "user").with("content", "a\0b");
    let policy = letting_out().user_keys(["tenant"]);
    let events = events(|| {
        let span = Span::tool("se\0arch", "call_1").model("m\0").metadata("tenant", vec!["t\0"]);
        span.input(|| Value::List(vec![nested.clone().into()])).start().complete();
    });
    let said = of(&policy, &events);
    assert_eq!(said.name, "execute_tool _OTHER");
    assert_eq!(said.get("gen_ai.tool.name"), Some("se\u{fffd}arch"));
    for (key, value) in &said.attributes {
        assert!(!value.contains('\0') && !value.contains("\\u0000"), "{key}: {value:?}");
    }
    assert!(said.get("input.value").unwrap().contains("a\u{fffd}b"));
    assert_eq!(of(&policy, &asking("a\0b")).get("input.value"), Some("a\u{fffd}b"));
    assert_eq!(policy.cut_count(), 0, "nothing was cut");
}

#[test]
fn nan_and_infinities_are_left_out() {
    let convention = Convention::new().policy(Policy::new().user_keys(["score"]));
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let events = events(|| {
            Span::generate().temperature(float).top_p(0.5).metadata("score", float).start().complete();
        });
        let said = shown(&convention, &events);
        assert_eq!((said.get("gen_ai.request.temperature"), said.get("score")), (None, None));
        assert_eq!(said.get("gen_ai.request.top_p"), Some("0.5"));
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "[a\0€😀\"]{0,200}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            prop::collection::vec(("[a-c\0]{0,40}", inner), 0..8).prop_map(|entries| {
                Value::Map(
                    entries.into_iter().fold(Metadata::new(), |map, (key, value)| map.with(key, value)),
                )
            }),
        ]
    })
}

/// The size of all texts and keys of a value.
fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::List(values) => values.iter().map(size).sum(),
        Value::Map(values) => values.iter().map(|(key, value)| key.len() + size(value)).sum(),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn any_value_fits_and_is_unchanged_if_it_fitted(value in values(), limit in 64..2_000_usize) {
        let policy = letting_out().max_content_bytes(limit);
        let left = exported(&policy, value.clone());
        // The last text of each level, which is there even if nothing of it fits.
        prop_assert!(size(&left) <= limit + 10 * 64, "{} > {limit}", size(&left));
        let (before, after) = (format!("{value:?}"), format!("{left:?}"));
        prop_assert!(!after.contains("\\0"));
        if left != value && !before.contains("\\0") {
            prop_assert_eq!(policy.cut_count(), 1);
            prop_assert!(after.contains(MARKER));
        }
    }
}
