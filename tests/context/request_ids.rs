//! Request ids: one for all that one outermost call causes; the caller's wins.

use std::collections::HashSet;

use crate::support::*;
use allm_telemetry::{
    Context, Policy, RequestId, SpanName,
    convention::Convention,
    current_request_id,
    event::{ParseRequestIdError, Value},
    prelude::*,
    testing::Capture,
    with_request_id,
};
use futures::{StreamExt as _, stream};

#[test]
fn a_fresh_id_has_22_characters_of_base64url() {
    let id = RequestId::random();
    assert_eq!(id.as_str().len(), 22);
    assert!(
        id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'),
        "{id}"
    );
}

#[test]
fn fresh_ids_are_distinct() {
    let ids: HashSet<String> = (0..10_000).map(|_| RequestId::random().to_string()).collect();
    assert_eq!(ids.len(), 10_000);
    // 16 bytes of chance: every place of the text varies, the last of them over its four values.
    let last: HashSet<_> = ids.iter().map(|id| id.as_bytes()[21]).collect();
    let first: HashSet<_> = ids.iter().map(|id| id.as_bytes()[0]).collect();
    assert_eq!((first.len(), last.len()), (64, 4));
}

fn parse(text: &str) -> Result<RequestId, ParseRequestIdError> {
    text.parse()
}

#[test]
fn a_given_id_is_1_to_128_visible_ascii_characters() {
    for valid in ["x", "req-42", "!~", &"a".repeat(128)] {
        assert_eq!(parse(valid).unwrap().as_str(), valid);
    }
    for invalid in ["", &"a".repeat(129), "two words", "line\n", "\t", "naïve", "nul\0", "\u{7f}"] {
        let error = parse(invalid).unwrap_err().to_string();
        assert!(error.contains("1 to 128 visible ASCII"), "{error}");
    }
}

#[test]
fn ids_are_equal_when_their_texts_are() {
    let drawn = RequestId::random();
    assert_eq!(parse(drawn.as_str()).unwrap(), drawn);
    assert_ne!(RequestId::random(), drawn);
}

#[tokio::test]
async fn outside_every_span_there_is_none() {
    assert_eq!(current_request_id(), None);
    assert_eq!(Capture::new().scope(async { current_request_id() }).await, None);
}

#[tokio::test]
async fn nested_spans_share_the_id_of_the_outermost() {
    let capture = Capture::new();
    let step = async {}.in_span_infallible(Span::generate()).in_span_infallible(Span::step());
    capture.scope(step.in_span_infallible(Span::chat())).await;
    let ids: HashSet<_> = capture.events().iter().map(request_of).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(ids.iter().next().unwrap().len(), 22);
}

#[tokio::test]
async fn two_outermost_spans_have_two_ids() {
    let capture = Capture::new();
    let both = async {
        async {}.in_span_infallible(Span::chat()).await;
        async {}.in_span_infallible(Span::step()).await;
    };
    capture.scope(both).await;
    assert_ne!(request_of(&end_of(&capture, SpanName::Chat)), request_of(&end_of(&capture, SpanName::Step)));
}

#[tokio::test]
async fn the_callers_id_on_a_span_wins_and_is_inherited() {
    let capture = Capture::new();
    let inner = async { current_request_id() }.in_span_infallible(Span::tool("t", "1"));
    let step = inner.in_span_infallible(Span::step().request_id(parse("mine").unwrap()));
    let seen = capture.scope(step.in_span_infallible(Span::chat())).await;
    assert_eq!(seen, Some(parse("mine").unwrap()));
    assert_eq!(capture.of_request("mine").len(), 4);
    assert_ne!(request_of(&end_of(&capture, SpanName::Chat)), "mine");
}

#[tokio::test]
async fn the_callers_id_holds_for_a_scope() {
    let capture = Capture::new();
    let both = async {
        async {}.in_span_infallible(Span::chat()).await;
        stream::iter([1]).in_span_infallible(Span::stream()).count().await;
        current_request_id()
    };
    let seen = capture.scope(async { with_request_id(parse("req-42").unwrap(), both).await }).await;
    assert_eq!(seen, Some(parse("req-42").unwrap()));
    assert_eq!(capture.of_request("req-42").len(), capture.events().len());
    assert_eq!(current_request_id(), None);
}

#[tokio::test]
async fn an_id_in_the_metadata_is_the_request_id_when_it_is_one() {
    let capture = Capture::new();
    capture.scope(async {}.in_span_infallible(Span::chat().metadata("request_id", "req-42"))).await;
    assert_eq!(request_of(&end_of(&capture, SpanName::Chat)), "req-42");
    capture.scope(async {}.in_span_infallible(Span::step().metadata("request_id", "not one"))).await;
    let step = end_of(&capture, SpanName::Step);
    assert_eq!((request_of(&step).len(), keys(&step.as_event()).contains(&"request_id".into())), (22, true));
}

#[tokio::test]
async fn an_id_that_is_not_valid_is_a_key_of_the_catalogue_on_every_event_and_leaves() {
    let capture = Capture::new();
    let span = Span::chat().metadata("request_id", "has space").metadata("invalid_request_id", "forged");
    capture.scope(async {}.in_span_infallible(span)).await;
    for event in capture.events() {
        let event = event.as_event();
        let found: Vec<_> =
            event.metadata_entries().filter(|entry| entry.key == "invalid_request_id").collect();
        assert_eq!(found.len(), 1, "{event:?}");
        assert_eq!((found[0].value.as_str(), found[0].from_user), (Some("has space"), false));
        assert!(Policy::new().apply(&found[0]).is_some());
    }
    let mut exported = Vec::new();
    Convention::new().start_attributes(&capture.events()[0].as_event(), |key, value| {
        exported.push(format!("{key} = {value}"));
    });
    assert!(exported.contains(&"allm.invalid_request_id = has space".into()), "{exported:?}");
}

#[tokio::test]
async fn an_id_in_the_metadata_that_is_null_is_none() {
    let capture = Capture::new();
    capture.scope(async {}.in_span_infallible(Span::chat().metadata("request_id", Value::Null))).await;
    let chat = end_of(&capture, SpanName::Chat);
    assert_eq!(
        (request_of(&chat).len(), chat.as_event().metadata("invalid_request_id").is_none()),
        (22, true)
    );
}

#[tokio::test]
async fn every_read_in_every_copy_and_on_every_thread_gives_the_same_id() {
    let capture = Capture::new();
    let reads = async {
        let copies = [Context::current(), Context::current(), Context::current().clone()];
        let before = allm_telemetry::spawn(async { current_request_id() });
        let threads =
            copies.map(|copy| std::thread::spawn(move || copy.run(current_request_id)).join().unwrap());
        let mut ids = vec![before.await.unwrap(), current_request_id(), current_request_id()];
        ids.extend(threads);
        ids
    };
    let ids = capture.scope(reads.in_span_infallible(Span::chat())).await;
    let own = request_of(&end_of(&capture, SpanName::Chat));
    assert!(ids.iter().all(|id| id.as_ref().is_some_and(|id| id.as_str() == own)), "{ids:?} {own}");
}

#[test]
fn ids_that_are_read_late_and_in_any_order_stay_the_same_and_are_distinct() {
    let requests: Vec<Context> = (0..100).map(|_| Span::chat().start().context()).collect();
    let read = |contexts: &[Context]| contexts.iter().map(Context::request_id).collect::<Vec<_>>();
    let (first, last) = (read(&requests[..50]), read(&requests[50..]));
    let elsewhere = std::thread::spawn({
        let backwards: Vec<Context> = requests.iter().rev().cloned().collect();
        move || read(&backwards)
    });
    let mut ids = elsewhere.join().unwrap();
    ids.reverse();
    assert_eq!(ids, [first, last].concat());
    let texts: HashSet<String> = ids.iter().flatten().map(RequestId::to_string).collect();
    assert_eq!(texts.len(), 100);
}
