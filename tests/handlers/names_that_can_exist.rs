//! Which names can be attached and executed: one that no event can have is an error, so that no handler waits for nothing.

use std::error::Error as _;
use std::sync::{Arc, Mutex};

use allm_telemetry::{
    Event, SpanName, Telemetry,
    event::{EventName, Measurements, Metadata, Phase},
    handler::{AttachError, EventNameError, SubscribeOptions},
};

fn ignore(_: &Event<'_>) {}

/// The names that nothing can emit, and what the error says of each.
const IMPOSSIBLE: [(&str, &str); 15] = [
    ("allm.generate.*", "no wildcards"),
    ("*", "no wildcards"),
    ("allm.gen*.stop", "no wildcards"),
    (
        "allm.generate.finish",
        "\"allm.generate.start\", \"allm.generate.first_chunk\", \"allm.generate.stop\" and \"",
    ),
    ("allm.generate", "\"generate\" is a span"),
    ("allm.tool.cache.hit", "\"tool\" is a span"),
    ("allm.chat.stop.more", "\"chat\" is a span"),
    ("allm", "such as \"allm.generate.stop\""),
    ("generate.stop", "did you mean \"allm.generate.stop\"?"),
    ("openai.stop", "every name begins with \"allm\""),
    ("telemetry.x", "is \"telemetry.handler.failure\""),
    ("telemetry", "is \"telemetry.handler.failure\""),
    ("telemetry.handler.failure.late", "is \"telemetry.handler.failure\""),
    ("allm..stop", "a segment is empty"),
    ("", "empty"),
];

#[track_caller]
fn reason(error: AttachError) -> String {
    assert!(matches!(error, AttachError::InvalidEventName(_)), "{error:?}");
    error.source().expect("the reason is the source").to_string()
}

#[test]
fn a_name_that_no_event_can_have_is_not_attached_and_the_error_says_why() {
    let telemetry = Telemetry::new();
    for (name, said) in IMPOSSIBLE {
        let text = reason(telemetry.attach("id", name, ignore).unwrap_err());
        assert!(text.contains(said) && text.contains(&format!("{name:?}")), "{name:?}: {text}");
        let queued = telemetry.subscribe_with("id", [name], SubscribeOptions::new(1)).map(drop);
        assert_eq!(reason(queued.unwrap_err()), text, "a subscription takes the same names");
    }
    assert!(telemetry.list_handlers("").is_empty());
}

#[test]
fn if_one_of_many_names_is_impossible_nothing_is_attached() {
    let telemetry = Telemetry::new();
    for (name, _) in IMPOSSIBLE {
        telemetry.attach_many("id", ["allm.generate.stop", name, "allm.own"], ignore).unwrap_err();
    }
    assert!(telemetry.list_handlers("").is_empty());
    telemetry.attach_many("id", ["allm.generate.stop", "allm.own"], ignore).unwrap();
}

#[test]
fn every_event_of_this_crate_and_every_name_of_ones_own_can_be_attached() {
    let telemetry = Telemetry::new();
    let spans = SpanName::ALL.iter().flat_map(|span| span.events()).cloned();
    let others = [
        "allm.adapter.retry",
        "telemetry.handler.failure",
        "allm.span.stalled",
        "allm.cache.hit",
        "allm.generated",
        "allm.generator.stop",
    ];
    let all: Vec<EventName> = spans.chain(others.map(|name| name.parse().unwrap())).collect();
    telemetry.attach_many("id", &all, ignore).unwrap();
    assert_eq!(telemetry.list_handlers("").len(), all.len());
}

/// What `execute` emits.
fn executed(given: &str) -> Result<String, EventNameError> {
    let telemetry = Telemetry::new();
    let emitted = Arc::new(Mutex::new(None));
    for name in [given.to_owned(), format!("allm.{given}")] {
        let to = emitted.clone();
        let note = move |event: &Event<'_>| *to.lock().unwrap() = Some(event.name().to_string());
        // Only one of the two can be attached where one is no name.
        let _ = telemetry.attach(name.clone(), name.as_str(), note);
    }
    telemetry.execute(given, Measurements::new(), Metadata::new())?;
    let emitted = emitted.lock().unwrap().take();
    Ok(emitted.expect("what is emitted can be attached by the emitted name"))
}

#[test]
fn execute_takes_a_name_that_begins_with_allm_as_it_is_and_puts_allm_before_any_other() {
    for (given, emitted) in [
        ("cache.hit", "allm.cache.hit"),
        ("allm.cache.hit", "allm.cache.hit"),
        ("allmighty.hit", "allm.allmighty.hit"),
        ("cache.allm.telemetry", "allm.cache.allm.telemetry"),
        ("adapter.retry", "allm.adapter.retry"),
        ("allm.adapter.retry", "allm.adapter.retry"),
        ("span.own", "allm.span.own"),
    ] {
        assert_eq!(executed(given).as_deref(), Ok(emitted), "{given}");
    }
}

#[test]
fn execute_forges_no_event_of_this_crate_and_emits_nothing_below_a_span() {
    let mut reserved: Vec<String> =
        ["span.stalled", "allm.span.stalled", "telemetry.handler.failure", "telemetry.own", "telemetry"]
            .map(str::to_owned)
            .into();
    for span in SpanName::ALL {
        let below =
            Phase::ALL.iter().map(Phase::to_string).chain(["finish".to_owned(), "cache.hit".to_owned()]);
        let names = below.map(|below| format!("{span}.{below}")).chain([span.to_string()]);
        reserved.extend(names.flat_map(|name| [format!("allm.{name}"), name]));
    }
    for name in reserved {
        let error = executed(&name).expect_err(&name);
        let text = error.to_string();
        assert!(
            text.contains("only this crate emits it") && error.given().ends_with(&name),
            "{name}: {text}"
        );
    }
    for (name, said) in [("", "empty"), ("a..b", "empty"), ("allm", "below it"), ("cache.*", "no wildcards")]
    {
        let text = executed(name).expect_err(name).to_string();
        assert!(text.contains(said), "{name}: {text}");
    }
}

/// Fails if it is converted.
struct Unwanted;

impl From<Unwanted> for Metadata {
    fn from(_: Unwanted) -> Self {
        panic!("nobody listens")
    }
}

impl From<Unwanted> for Measurements {
    fn from(_: Unwanted) -> Self {
        panic!("nobody listens")
    }
}

#[test]
fn execute_builds_nothing_if_nobody_listens_and_still_refuses_a_wrong_name() {
    let telemetry = Telemetry::new();
    telemetry.attach_many("spans", SpanName::Generate.events(), ignore).unwrap();
    telemetry.execute("cache.hit", Unwanted, Unwanted).unwrap();
    telemetry.execute("generate.stop", Unwanted, Unwanted).unwrap_err();
}
