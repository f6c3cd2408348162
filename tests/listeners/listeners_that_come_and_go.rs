//! Listeners that are attached or detached mid-span, or that fail: the call is unharmed and nothing leaks.

use allm_telemetry::{
    Telemetry,
    handler::{AttachError, MAX_LISTENERS},
    prelude::*,
    testing::Capture,
};
use futures::{StreamExt as _, stream};
use tokio::task::yield_now;

use crate::support::scribe::*;
use crate::support::*;

fn tool() -> impl Future<Output = ()> {
    async {}.in_span_infallible(Span::tool("t", "1"))
}

async fn with_a_listener_that_panics_in(method: &'static str) -> (Capture, Scribe) {
    let capture = Capture::new();
    let scribe = Scribe { chunks: true, around: Some(|poll| poll()), panics_in: method, ..Scribe::new() };
    capture.telemetry().listen("scribe", scribe.clone()).unwrap();
    let work = async { stream::iter([1, 2]).in_span_infallible(Span::stream()).count().await }
        .in_span_infallible(Span::chat());
    assert_eq!(capture.scope(work).await, 2);
    (capture, scribe)
}

#[tokio::test]
async fn a_listener_that_panics_anywhere_is_detached_and_reported_and_the_call_is_unharmed() {
    for method in ["built", "start", "note", "chunk", "stop", "around"] {
        let (capture, scribe) = with_a_listener_that_panics_in(method).await;
        capture.assert_balanced();
        let failures = capture.named("telemetry.handler.failure");
        assert_eq!(failures.len(), 1, "{method}");
        assert_eq!(
            (text(&failures[0], "handler_id"), text(&failures[0], "kind")),
            ("scribe".into(), "panic".into())
        );
        assert_eq!(text(&failures[0], "reason"), format!("bad {method}"));
        assert!(text(&failures[0], "event_name").starts_with("allm."), "{:?}", failures[0]);
        let own: Vec<_> =
            capture.telemetry().list_handlers("").into_iter().filter(|it| &*it.id == "scribe").collect();
        assert!(own.is_empty());
        let log = scribe.log.lock().unwrap();
        let (starts, drops) =
            ["start", "drop"].map(|what| log.iter().filter(|line| line.starts_with(what)).count()).into();
        assert!(starts - drops <= 1, "{method}: a state leaked: {log:?}");
    }
}

#[tokio::test]
async fn a_listener_that_is_attached_mid_span_ignores_an_end_it_never_saw_begin_and_counts_it() {
    let (telemetry, scribe) = (Telemetry::new(), Scribe::new());
    telemetry.attach("first", "allm.chat.start", |_| {}).unwrap();
    let mut chat = Box::pin(telemetry.run(|| yield_now().in_span_infallible(Span::chat())));
    assert!(poll_once(&mut chat).is_pending());
    telemetry.listen("scribe", scribe.clone()).unwrap();
    assert!(poll_once(&mut chat).is_ready());
    scribe.assert_wrote(&[]);
    assert_eq!(telemetry.ends_without_start("scribe"), Some(1));
    telemetry.scope(tool()).await;
    assert_eq!(telemetry.ends_without_start("scribe"), Some(1));
    assert_eq!((telemetry.ends_without_start("first"), telemetry.ends_without_start("ghost")), (None, None));
}

#[tokio::test]
async fn a_listener_that_is_detached_mid_span_gets_no_further_call_and_its_states_drop_with_their_spans() {
    let scribe = Scribe { chunks: true, around: Some(|poll| poll()), ..Scribe::new() };
    let telemetry = scribe.attached();
    telemetry.attach("keeps it observed", "allm.stream.stop", |_| {}).unwrap();
    let mut tokens = telemetry.run(|| stream::iter([1, 2, 3]).in_span_infallible(Span::stream()));
    tokens.next().await;
    let before = scribe.log.lock().unwrap().clone();
    telemetry.detach("scribe").unwrap();
    tokens.next().await;
    assert_eq!(*scribe.log.lock().unwrap(), before);
    drop(tokens);
    assert_eq!(*scribe.log.lock().unwrap(), [&before[..], &["drop stream".to_owned()]].concat());
}

#[test]
fn the_state_of_a_detached_listener_goes_though_what_the_span_began_goes_on_for_ever() {
    let (scribe, capture) = (Scribe::new(), Capture::new());
    capture.telemetry().listen("scribe", scribe.clone()).unwrap();
    let mut chat = capture.run(|| Span::chat().start());
    let mut context = chat.context();
    chat.complete();
    capture.telemetry().detach("scribe").unwrap();
    // Each step is opened inside the one before it, which has ended.
    for _ in 0..200 {
        let mut step = context.run(|| Span::step().start());
        context = step.context();
        step.complete();
    }
    scribe.assert_wrote(&["start chat in nothing", "stop chat completed", "drop chat"]);
    assert!(context.request_id().is_some());
}

#[tokio::test]
async fn a_listener_that_takes_the_id_of_another_never_meets_its_states() {
    let (first, second) = (Scribe::new(), Scribe::new());
    let telemetry = first.attached();
    let mut chat = Box::pin(telemetry.run(|| yield_now().in_span_infallible(Span::chat())));
    assert!(poll_once(&mut chat).is_pending());
    telemetry.detach("scribe").unwrap();
    telemetry.listen("scribe", second.clone()).unwrap();
    assert!(poll_once(&mut chat).is_ready());
    drop(chat);
    first.assert_wrote(&["start chat in nothing", "drop chat"]);
    second.assert_wrote(&[]);
    assert_eq!(telemetry.ends_without_start("scribe"), Some(1));
}

#[test]
fn there_can_be_so_many_listeners_and_no_more() {
    let telemetry = Telemetry::new();
    for n in 0..MAX_LISTENERS {
        telemetry.listen(n.to_string(), Scribe::new()).unwrap();
    }
    assert_eq!(telemetry.listen("more", Scribe::new()), Err(AttachError::TooManyListeners));
    telemetry.detach("0").unwrap();
    assert_eq!(telemetry.listen("1", Scribe::new()), Err(AttachError::AlreadyExists { id: "1".into() }));
    telemetry.listen("more", Scribe::new()).unwrap();
    assert_eq!(telemetry.listen("0", Scribe::new()), Err(AttachError::TooManyListeners));
}

#[tokio::test]
async fn a_listener_that_failed_makes_room_for_another() {
    let telemetry = Telemetry::new();
    for n in 0..MAX_LISTENERS {
        telemetry.listen(n.to_string(), Scribe { panics_in: "start", ..Scribe::new() }).unwrap();
    }
    telemetry.scope(tool()).await;
    assert!(telemetry.list_handlers("").is_empty());
    telemetry.listen("another", Scribe::new()).unwrap();
}

/// Opens a span that it follows, whenever one starts.
struct Narcissus;

impl allm_telemetry::Listener for Narcissus {
    type Built = ();
    type State = ();

    fn on_build(&self) {}

    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&()>) {
        Span::tool("mirror", "call_1").start().complete();
    }

    fn on_end(&self, (): &(), _: &Event<'_>) {}
}

#[test]
fn a_listener_that_opens_the_spans_it_follows_for_ever_is_detached_and_reported() {
    let capture = allm_telemetry::testing::Capture::new();
    capture.telemetry().listen("narcissus", Narcissus).unwrap();
    capture.run(|| Span::tool("search", "call_0").start().complete());
    capture.assert_balanced();
    let failures = capture.named("telemetry.handler.failure");
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].as_event().metadata("handler_id").unwrap().as_str(), Some("narcissus"));
    assert!(capture.telemetry().list_handlers("").iter().all(|handler| &*handler.id != "narcissus"));
}

#[test]
fn a_listener_beside_one_that_opens_spans_for_ever_is_not_to_blame() {
    let (capture, scribe) = (Capture::new(), Scribe::new());
    capture.telemetry().listen("before", scribe.clone()).unwrap();
    capture.telemetry().listen("narcissus", Narcissus).unwrap();
    capture.telemetry().listen("after", scribe).unwrap();
    capture.run(|| Span::tool("search", "call_0").start().complete());
    let failures = capture.named("telemetry.handler.failure");
    assert_eq!(failures.iter().map(|it| text(it, "handler_id")).collect::<Vec<_>>(), ["narcissus"]);
    let attached = capture.telemetry().list_handlers("allm.tool.start");
    assert!(["before", "after"].iter().all(|id| attached.iter().any(|it| &*it.id == *id)), "{attached:?}");
}
