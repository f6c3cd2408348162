//! Names: paths of segments; a misspelt one is an error, not a second, empty dashboard.

use crate::support::*;
use allm_telemetry::{
    Event, SpanName, Telemetry,
    event::{EventName, Metadata, Phase, Value, event_prefix},
    handler::AttachError,
    prelude::*,
    span,
    testing::Capture,
};

fn ignore(_: &Event<'_>) {}

#[test]
fn an_event_name_is_a_path_of_segments() {
    let name = EventName::try_from("my.own.event").unwrap();
    assert_eq!(name.segments().collect::<Vec<_>>(), ["my", "own", "event"]);
    assert_eq!(EventName::try_from(["my", "own", "event"]).unwrap(), name);
    assert_eq!(
        EventName::try_from(["allm", "generate", "stop"]).unwrap(),
        SpanName::Generate.event(Phase::Stop)
    );
}

#[test]
fn an_empty_name_or_segment_is_an_error() {
    for bad in ["", ".", "a.", ".a", "a..b"] {
        let error = EventName::try_from(bad).unwrap_err();
        assert_eq!(error.given(), bad);
        assert!(error.to_string().contains("empty"), "{error}");
    }
    assert!(EventName::try_from(["a", ""]).is_err());
    assert!(EventName::try_from([] as [&str; 0]).is_err());
    assert!(EventName::try_from(["a.b", "c"]).is_err());
}

#[test]
fn a_handler_is_not_attached_to_a_bad_name() {
    let telemetry = Telemetry::new();
    assert!(matches!(telemetry.attach("id", "a..b", ignore), Err(AttachError::InvalidEventName(_))));
    assert!(telemetry.attach_many("id", ["allm.good", ""], ignore).is_err());
    assert!(telemetry.list_handlers("").is_empty());
    telemetry.attach("id", "allm.good", ignore).unwrap();
}

#[test]
fn the_prefix_is_fixed() {
    assert_eq!(event_prefix(), "allm");
    for &name in SpanName::ALL {
        for event in name.events() {
            assert_eq!(event.segments().next(), Some(event_prefix()));
        }
    }
}

#[test]
fn span_events_are_named_by_prefix_span_and_phase() {
    for &name in SpanName::ALL {
        let expected = Phase::ALL.iter().map(|phase| format!("allm.{name}.{phase}")).collect::<Vec<_>>();
        assert_eq!(name.events().iter().map(EventName::to_string).collect::<Vec<_>>(), expected);
        assert!(Phase::ALL.iter().map(|phase| name.event(*phase)).eq(name.events().iter().cloned()));
        assert_eq!(name.ends(), [name.event(Phase::Stop), name.event(Phase::Exception)]);
    }
}

#[test]
fn every_legal_span_name_parses() {
    for &name in SpanName::ALL {
        assert_eq!(name.to_string().parse(), Ok(name));
    }
}

#[test]
fn another_span_name_is_an_error_that_lists_the_valid_ones() {
    for wrong in ["chats", "steps", "Chat", "", " chat", "generate.stop", "allm.chat"] {
        let error = wrong.parse::<SpanName>().unwrap_err();
        assert_eq!(error.given(), wrong);
        let text = error.to_string();
        assert!(SpanName::ALL.iter().all(|name| text.contains(name.as_str())), "{text}");
    }
}

#[tokio::test]
async fn every_legal_span_name_is_accepted_by_the_closure_contract() {
    for &name in SpanName::ALL {
        let capture = Capture::new();
        capture.scope(span(name, [("k", 1)], async { ((), [("l", 2)]) })).await;
        let stop = end_of(&capture, name);
        assert_eq!(stop.as_event().name(), &name.event(Phase::Stop));
        assert_eq!((value(&stop, "k"), value(&stop, "l")), (1.into(), 2.into()));
    }
}

#[tokio::test]
async fn an_event_can_be_kept_and_shows_the_same() {
    let telemetry = Telemetry::new();
    let (sender, receiver) = std::sync::mpsc::channel();
    let names = SpanName::Tool.events();
    let keep = move |event: &Event<'_>| sender.send((format!("{event:?}"), event.to_owned())).unwrap();
    telemetry.attach_many("keep", names, keep).unwrap();
    telemetry
        .scope(async {}.in_span_infallible(Span::tool("search", "call_1").metadata("tenant", "acme")))
        .await;
    let kept: Vec<_> = receiver.try_iter().collect();
    assert_eq!(kept.len(), 2);
    for (shown, owned) in kept {
        assert_eq!(format!("{owned:?}"), shown);
        assert_eq!(owned.clone(), owned);
        assert_eq!(owned.as_event().to_owned(), owned);
    }
}

#[tokio::test]
async fn the_line_of_an_event_has_no_content_and_no_key_of_the_users() {
    let capture = Capture::new();
    let span =
        Span::generate().input(|| "a secret").metadata("tenant", "a secret").observe(|_: &(), stop| {
            stop.output(|| "a secret");
            stop.result(|| "a secret");
            stop.error("http_500", "a secret");
        });
    capture.scope(async {}.in_span_infallible(span)).await;
    let line = end_of(&capture, SpanName::Generate).to_string();
    assert!(line.starts_with("allm.generate.stop ") && line.contains("error_type=http_500"), "{line}");
    assert!(!line.contains("secret") && !line.contains('\n'), "{line}");
    assert!(line.ends_with(" (user keys not shown: 1)"), "{line}");
}

#[test]
fn a_list_and_a_map_are_shown_as_json_however_deep() {
    let nested = Value::from(vec![Value::from("a \"b\""), Value::from(vec![1_u64]), Value::Null]);
    let map = Metadata::new().with("key", nested).with("empty", Metadata::new());
    assert_eq!(Value::from(map).to_string(), r#"{"key":["a \"b\"",[1],null],"empty":{}}"#);
    let deep = (0..100).fold(Value::from("\""), |inner, _| Value::from(vec![inner]));
    assert_eq!(deep.to_string().len(), 204, "it grows with the depth, not with two to its power");
}

#[test]
fn what_a_model_said_stays_on_its_line_and_commands_no_terminal() {
    let telemetry = allm_telemetry::Telemetry::new();
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let to = lines.clone();
    let show = move |event: &allm_telemetry::Event<'_>| to.lock().unwrap().push(event.to_string());
    telemetry.attach("show", "allm.tool.start", show).unwrap();
    telemetry
        .run(|| drop(allm_telemetry::Span::tool("x\n\u{1b}[2J\u{202e}allm.chat.stop", "call_1").start()));
    let line = &lines.lock().unwrap()[0];
    assert!(line.contains(" tool_name=x \u{fffd}[2J\u{fffd}allm.chat.stop"), "{line}");
    assert!(!line.chars().any(char::is_control), "{line}");
}
