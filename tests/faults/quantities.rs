//! Far too much, or far too odd, of what a caller may hand in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use allm_telemetry::{
    Event, RequestId, SpanName, Telemetry,
    event::{EventName, Metadata, Phase, Value},
    handler::AttachError,
    prelude::*,
    span,
    testing::Capture,
};
use futures::FutureExt as _;

use crate::emit;
use crate::support::*;

const MANY: usize = 10_000;

/// A handler that counts its calls.
fn counting() -> (impl Fn(&Event<'_>) + Clone + Send + Sync, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let count = move |_: &Event<'_>| {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    (count, calls)
}

#[test]
fn ten_thousand_handlers_are_all_called_and_can_all_be_detached() {
    let (capture, (handler, calls)) = (Capture::new(), counting());
    for n in 0..MANY {
        capture.telemetry().attach(n.to_string(), "allm.chat.stop", handler.clone()).unwrap();
    }
    let answer = capture.scope(async { 4 }.in_span_infallible(Span::chat())).now_or_never();
    assert_eq!((answer, calls.load(Ordering::Relaxed)), (Some(4), MANY));
    // With the capture's own.
    assert_eq!(capture.telemetry().list_handlers("allm.chat.stop").len(), MANY + 1);
    for n in 0..MANY {
        capture.telemetry().detach(&n.to_string()).unwrap();
    }
    capture.scope(async {}.in_span_infallible(Span::chat())).now_or_never().unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), MANY);
    capture.assert_balanced();
}

#[test]
fn hundreds_of_handlers_that_all_panic_are_each_reported_and_the_call_is_unharmed() {
    let capture = Capture::new();
    for n in 0..300 {
        let bad = |_: &Event<'_>| std::panic::resume_unwind(Box::new("bad"));
        capture.telemetry().attach(n.to_string(), "allm.chat.start", bad).unwrap();
    }
    let answer = capture.scope(async { 4 }.in_span_infallible(Span::chat())).now_or_never();
    assert_eq!(answer, Some(4));
    assert_eq!(capture.named("telemetry.handler.failure").len(), 300);
    assert_eq!(capture.telemetry().list_handlers("allm.chat.start").len(), 1);
    capture.assert_balanced();
}

#[test]
fn one_handler_may_be_attached_to_ten_thousand_events() {
    let (telemetry, (handler, calls)) = (Telemetry::new(), counting());
    telemetry.attach_many("id", (0..MANY).map(|n| format!("allm.e{n}")), handler).unwrap();
    emit(&telemetry, "e0");
    emit(&telemetry, "e9999");
    emit(&telemetry, "e10000");
    assert_eq!((calls.load(Ordering::Relaxed), telemetry.list_handlers("allm").len()), (2, MANY));
    telemetry.detach("id").unwrap();
    assert!(telemetry.list_handlers("").is_empty());
}

#[test]
fn an_event_name_of_ten_thousand_segments_is_a_name_like_any_other() {
    let (telemetry, (handler, calls)) = (Telemetry::new(), counting());
    let suffix = vec!["segment"; MANY];
    let name = EventName::try_from(format!("allm.{}", suffix.join("."))).unwrap();
    assert_eq!(name.segments().count(), MANY + 1);
    telemetry.attach("id", &name, handler).unwrap();
    telemetry.execute(suffix.as_slice(), [("n", 1)], [("k", 1)]).unwrap();
    telemetry.execute(&suffix[1..], [("n", 1)], [("k", 1)]).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let above = &name.as_str()[..name.as_str().rfind('.').unwrap()];
    assert_eq!(telemetry.list_handlers(above).len(), 1);
    assert!(telemetry.list_handlers(&above[..above.len() - 1]).is_empty());
}

#[test]
fn the_error_of_a_huge_name_is_short_and_has_the_name_for_who_wants_it() {
    let bad = format!("{}..{}", vec!["segment"; MANY].join("."), "é".repeat(MANY));
    let error = Telemetry::new().attach("id", bad.as_str(), |_| {}).unwrap_err();
    let told = error.to_string();
    assert!(told.len() < 400 && told.contains('…') && told.contains("empty"), "{} bytes", told.len());
    assert!(matches!(error, AttachError::InvalidEventName(error) if error.given() == bad));
}

#[test]
fn metadata_of_a_megabyte_arrives_whole_and_stays_until_the_end() {
    let capture = Capture::new();
    let text = "0123456789abcdef".repeat(1 << 16);
    let pieces: Vec<_> = text.as_bytes().chunks(1 << 10).map(|piece| piece.to_vec()).collect();
    let pieces = pieces.into_iter().map(|piece| Value::from(String::from_utf8(piece).unwrap()));
    let many = pieces.enumerate().fold(Metadata::new(), |all, (n, piece)| all.with(format!("k{n}"), piece));
    let keys = many.len();
    let start = many.clone().with("whole", text.clone()).with("map", many.clone());
    let work = async { (text.len(), Metadata::new().with("k7", "replaced")) };
    let length = capture.scope(span(SpanName::Chat, start, work)).now_or_never();
    assert_eq!(length, Some(1 << 20));
    let (start, stop) = (the(&capture, SpanName::Chat, Phase::Start), end_of(&capture, SpanName::Chat));
    for event in [&start, &stop] {
        let own = event.as_event().metadata_entries().filter(|entry| entry.from_user).count();
        assert_eq!(own, keys + 2);
        assert_eq!(value(event, "whole").as_value_ref().as_str().map(str::len), Some(1 << 20));
        assert_eq!(value(event, "map"), Value::Map(many.clone()));
    }
    assert_eq!((value(&start, "k7"), text_len(&stop, "k1023")), (many.get("k7").unwrap().clone(), 1 << 10));
    assert_eq!(value(&stop, "k7"), "replaced".into());
}

fn text_len(event: &allm_telemetry::event::OwnedEvent, key: &str) -> usize {
    text(event, key).len()
}

#[test]
fn every_bad_byte_in_a_request_id_is_named_with_its_place_and_the_span_gets_an_id_of_its_own() {
    for byte in 0..=u8::MAX {
        // As a gateway reads a header: a byte is a character, and those from 0x80 on are two bytes of UTF-8.
        let bad = char::from(byte);
        for (place, id) in
            [(0, format!("{bad}x")), (1, format!("x{bad}y")), (127, format!("{:x<127}{bad}", ""))]
        {
            let parsed = id.parse::<RequestId>();
            let capture = Capture::new();
            let told = Metadata::new().with("request_id", id.clone());
            capture
                .scope(span(SpanName::Chat, told, async { ((), Metadata::new()) }))
                .now_or_never()
                .unwrap();
            let stop = end_of(&capture, SpanName::Chat);
            if byte.is_ascii_graphic() {
                assert_eq!((parsed.unwrap().as_str(), request_of(&stop)), (id.as_str(), id.clone()));
                continue;
            }
            let error = parsed.unwrap_err().to_string();
            let first = bad.to_string().as_bytes()[0];
            let names_it = error.contains(&format!("byte 0x{first:02x} at position {place}"));
            assert!(names_it || id.len() > 128 && error.contains("129 bytes long"), "{byte}: {error}");
            assert_eq!((request_of(&stop).len(), text(&stop, "invalid_request_id")), (22, id));
        }
    }
}
