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
const IMPOSSIBLE: [(&str, &str); 18] = [
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
    ("Allm.generate.stop", "did you mean \"allm.generate.stop\"?"),
    ("GENERATE.Stop", "did you mean \"allm.generate.stop\"?"),
    ("ALLM.Cache.hit", "did you mean \"allm.Cache.hit\"?"),
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
    assert!(error.source().is_none(), "the text is complete, and a source would repeat it");
    error.to_string()
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

/// Names that are an event of a span but for a typo, and the event.
const MISSPELT: [(&str, &str); 14] = [
    ("genrate.stop", "generate.stop"),
    ("generat.start", "generate.start"),
    ("generatte.exception", "generate.exception"),
    ("gneerate.first_chunk", "generate.first_chunk"),
    ("generator.stop", "generate.stop"),
    ("Generate.stop", "generate.stop"),
    ("retreive.stop", "retrieve.stop"),
    ("sythesise.stop", "synthesize.stop"),
    ("tol.stop", "tool.stop"),
    ("tools.Stop", "tool.stop"),
    ("chta.start", "chat.start"),
    ("STEPS.start", "step.start"),
    ("steam.stop", "stream.stop"),
    ("embad.stop", "embed.stop"),
];

#[test]
fn an_event_of_a_span_whose_name_is_misspelt_is_refused_with_the_event_that_was_meant() {
    let telemetry = Telemetry::new();
    for (given, meant) in MISSPELT {
        let name = format!("allm.{given}");
        let span = given.split('.').next().unwrap();
        let said =
            format!("invalid event name {name:?}: {span:?} is not a span; did you mean \"allm.{meant}\"?");
        assert_eq!(reason(telemetry.attach("id", name.as_str(), ignore).unwrap_err()), said);
        for executed in [given, &name] {
            let error = telemetry.execute(executed, Measurements::new(), Metadata::new()).unwrap_err();
            assert_eq!((error.to_string(), error.given()), (said.clone(), name.as_str()));
        }
    }
    assert!(telemetry.list_handlers("").is_empty());
}

#[test]
fn events_of_ones_own_that_resemble_no_span_may_end_like_those_of_spans() {
    for name in [
        "allm.billing.stop",
        "allm.pool.start",
        "allm.setup.start",
        "allm.loop.stop",
        "allm.rank.stop",
        "allm.generation.stop",
        "allm.é.stop",
        "allm.genrate",
        "allm.genrate.hit",
        "allm.genrate.stop.late",
    ] {
        assert_eq!(executed(name).as_deref(), Ok(name));
    }
}

#[test]
fn a_main_that_returns_the_error_prints_its_text() {
    let telemetry = Telemetry::new();
    let attached = telemetry.attach("id", "allm.generate.*", ignore).unwrap_err();
    let text = "invalid event name \"allm.generate.*\": names are exact and have no wildcards; to attach to all events of a \
                span, pass `SpanName::Generate.events()` to `attach_many`";
    assert_eq!([format!("{attached:?}"), attached.to_string()], [text; 2]);
    let executed = telemetry.execute("generate.*", Measurements::new(), Metadata::new()).unwrap_err();
    assert_eq!([format!("{executed:?}"), executed.to_string()], [text; 2]);
    let detached = telemetry.detach("id").unwrap_err();
    assert_eq!(format!("{detached:?}"), detached.to_string());
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
        "allm.billing.stop",
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
    const RESERVED: &str = "only this crate emits it";
    const TELEMETRY: &str = "the only event under \"telemetry\" is";
    let mut refused: Vec<(String, String)> = [
        ("span.stalled", RESERVED),
        ("allm.span.stalled", RESERVED),
        ("telemetry.handler.failure", RESERVED),
        ("telemetry.own", TELEMETRY),
        ("telemetry", TELEMETRY),
    ]
    .map(|(name, said)| (name.to_owned(), said.to_owned()))
    .into();
    for span in SpanName::ALL {
        let emitted = Phase::ALL.iter().map(|phase| (format!("{span}.{phase}"), RESERVED.to_owned()));
        let absent = [span.to_string(), format!("{span}.finish"), format!("{span}.cache.hit")];
        let absent = absent.map(|name| (name, format!("\"{span}\" is a span, and its events are")));
        let names = emitted.chain(absent);
        refused.extend(names.flat_map(|(name, said)| [(format!("allm.{name}"), said.clone()), (name, said)]));
    }
    for (name, said) in refused {
        let error = executed(&name).expect_err(&name);
        let text = error.to_string();
        assert!(text.contains(&said) && error.given().ends_with(&name), "{name}: {text}");
    }
    for (name, said) in [
        ("", "empty"),
        ("a..b", "empty"),
        ("allm", "below it"),
        ("cache.*", "no wildcards"),
        ("Allm.cache.hit", "did you mean \"allm.cache.hit\"?"),
    ] {
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
