//! Listeners: they follow whole spans and keep a state for each.
#![allow(clippy::async_yields_async, reason = "what is built here and awaited elsewhere is what is tested")]

use std::cell::Cell;
use std::future::pending;
use std::sync::{Arc, Mutex};

use allm_telemetry::{
    Content, Event, Listener, SpanName, Telemetry, adapter_retry, event::Value, handler::Chunk, prelude::*,
};
use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::task::yield_now;

use support::scribe::*;
use support::*;

mod followed_elsewhere;
mod listeners_around;
mod listeners_that_come_and_go;
#[path = "../support/mod.rs"]
mod support;
mod traces;

fn tool() -> impl Future<Output = ()> {
    async {}.in_span_infallible(Span::tool("t", "1"))
}

#[tokio::test]
async fn a_listener_sees_each_start_and_stop_once_with_the_state_of_the_parent() {
    let scribe = Scribe::new();
    scribe
        .attached()
        .scope(async { tool().in_span_infallible(Span::step()).await }.in_span_infallible(Span::chat()))
        .await;
    scribe.assert_wrote(&[
        "start chat in nothing",
        "start step in chat",
        "start tool in step",
        "stop tool completed",
        "drop tool",
        "stop step completed",
        "drop step",
        "stop chat completed",
        "drop chat",
    ]);
}

#[tokio::test]
async fn a_parent_is_the_nearest_span_that_the_listener_follows() {
    let scribe = Scribe { follows: |name| name != SpanName::Step, ..Scribe::new() };
    scribe.attached().scope(tool().in_span_infallible(Span::step()).in_span_infallible(Span::chat())).await;
    let expected = ["start chat in nothing", "start tool in chat", "stop tool completed", "drop tool"];
    scribe.assert_wrote(&[&expected[..], &["stop chat completed", "drop chat"]].concat());
}

#[tokio::test]
async fn a_child_finds_its_parent_however_deep_they_nest() {
    fn nested(level: u16) -> futures::future::BoxFuture<'static, ()> {
        if level == 0 {
            async {}.boxed()
        } else {
            async move { nested(level - 1).await }.in_span_infallible(Span::step()).boxed()
        }
    }
    let scribe = Scribe::new();
    scribe.attached().scope(nested(300)).await;
    let roots = scribe.log.lock().unwrap().iter().filter(|line| line.ends_with("in nothing")).count();
    assert_eq!(roots, 1);
}

#[tokio::test]
async fn what_is_captured_follows_the_context_that_counts() {
    let scribe = Scribe::new();
    let telemetry = scribe.attached();
    PLACE.set("here");
    let work = async {
        let built = tool();
        PLACE.set("there");
        built.in_span_infallible(Span::chat()).await;
    };
    telemetry.scope(work).await;
    PLACE.set("nowhere");
    // The chat was opened inside the captured scope, so the tool belongs to the place of its first poll.
    let log = scribe.log.lock().unwrap();
    assert_eq!(log[..2], ["start chat in nothing, built there", "start tool in chat, built there"]);
}

#[tokio::test]
async fn what_is_captured_where_a_span_is_built_counts_when_its_context_does() {
    let scribe = Scribe::new();
    let telemetry = scribe.attached();
    PLACE.set("here");
    let built = telemetry.run(tool);
    PLACE.set("there");
    built.await;
    PLACE.set("nowhere");
    scribe.assert_wrote(&["start tool in nothing, built here", "stop tool completed", "drop tool"]);
}

#[tokio::test]
async fn what_is_captured_at_build_counts_when_the_span_is_awaited_in_the_same_span() {
    let scribe = Scribe::new();
    let work = async {
        PLACE.set("here");
        let built = tool();
        PLACE.set("there");
        built.await;
    };
    scribe.attached().scope(work.in_span_infallible(Span::chat())).await;
    PLACE.set("nowhere");
    assert_eq!(scribe.log.lock().unwrap()[1], "start tool in chat, built here");
}

#[tokio::test]
async fn every_end_is_a_stop_with_its_outcome() {
    let scribe = Scribe::new();
    let telemetry = scribe.attached();
    telemetry.scope(pending::<()>().in_span_infallible(Span::chat())).now_or_never();
    telemetry.scope(async { Answer::<()>::Err(refused()) }.in_span(Span::step())).await.unwrap_err();
    telemetry.run(|| drop(stream::iter([1]).in_span_infallible(Span::stream())));
    panic_text(|| {
        let lost = async { std::panic::resume_unwind(Box::new("lost")) }.in_span_infallible(Span::generate());
        let _: Option<()> = telemetry.scope(lost).now_or_never();
    });
    let log = scribe.log.lock().unwrap();
    let stops: Vec<_> = log.iter().filter(|line| line.starts_with("stop")).collect();
    assert_eq!(
        stops,
        ["stop chat cancelled", "stop step error", "stop stream dropped", "stop generate panicked"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_first_chunk_is_noted_on_its_own_span_and_chunks_tell_their_gap() {
    let scribe = Scribe { chunks: true, ..Scribe::new() };
    let telemetry = scribe.attached();
    let chat = async { paced([(30, 1), (0, 2)]).in_span_infallible(Span::stream()).count().await };
    telemetry.scope(chat.in_span_infallible(Span::chat())).await;
    scribe.assert_wrote(&[
        "start chat in nothing",
        "start stream in chat",
        "note stream first_chunk",
        "chunk stream 30ms",
        "chunk stream 0ns",
        "stop stream completed",
        "drop stream",
        "stop chat completed",
        "drop chat",
    ]);
}

#[tokio::test]
async fn a_retry_is_noted_on_the_nearest_span_that_is_followed() {
    for (follows, noted) in [
        ((|_| true) as fn(SpanName) -> bool, "note tool retry"),
        (|name| name == SpanName::Chat, "note chat retry"),
    ] {
        let scribe = Scribe { follows, ..Scribe::new() };
        let telemetry = scribe.attached();
        let retrying = async { adapter_retry(1, ms(5), "reset") }.in_span_infallible(Span::tool("t", "1"));
        telemetry.scope(retrying.in_span_infallible(Span::chat())).await;
        let log = scribe.log.lock().unwrap();
        assert_eq!(log.iter().filter(|line| line.starts_with("note")).collect::<Vec<_>>(), [noted]);
    }
}

#[tokio::test]
async fn who_does_not_ask_is_not_called_for_chunks_nor_around_polls() {
    let scribe = Scribe::new();
    let tokens = scribe.attached().run(|| stream::iter([1, 2]).in_span_infallible(Span::stream()));
    tokens.count().await;
    scribe.assert_wrote(&[
        "start stream in nothing",
        "note stream first_chunk",
        "stop stream completed",
        "drop stream",
    ]);
}

#[tokio::test]
async fn a_child_that_starts_after_its_parents_end_finds_the_parents_state() {
    let scribe = Scribe::new();
    let late = async { allm_telemetry::spawn(async { (yield_now().await, tool().await).1 }) };
    scribe.attached().scope(late.in_span_infallible(Span::chat())).await.await.unwrap();
    scribe.assert_wrote(&[
        "start chat in nothing",
        "stop chat completed",
        "start tool in chat",
        "stop tool completed",
        "drop tool",
        "drop chat",
    ]);
}

#[test]
fn a_listener_is_listed_with_the_events_it_follows() {
    let telemetry = Telemetry::new();
    telemetry.listen("scribe", Scribe { follows: |name| name == SpanName::Chat, ..Scribe::new() }).unwrap();
    let listed: Vec<_> = telemetry.list_handlers("").iter().map(|it| it.event.to_string()).collect();
    let events = ["adapter.retry", "chat.exception", "chat.first_chunk", "chat.start", "chat.stop"];
    assert_eq!(listed, events.map(|name| format!("allm.{name}")));
}

#[tokio::test]
async fn a_listener_alone_makes_the_spans_it_follows_observed_and_no_others() {
    let scribe = Scribe { follows: |name| name == SpanName::Chat, ..Scribe::new() };
    let ran = Cell::new(false);
    let telemetry = scribe.attached();
    telemetry
        .scope(async {}.in_span_infallible(Span::step().observe(|_: &(), _: &mut _| ran.set(true))))
        .await;
    scribe.attached().scope(tool()).await;
    scribe.assert_wrote(&[]);
    assert!(!ran.get());
}

#[tokio::test]
async fn a_listener_hears_nothing_of_spans_that_it_does_not_follow_and_others_do() {
    let scribe = Scribe { follows: |name| name == SpanName::Chat, ..Scribe::new() };
    let telemetry = scribe.attached();
    telemetry.attach_many("all", SpanName::ALL.iter().flat_map(|span| span.events()), |_| {}).unwrap();
    telemetry.scope(async { tool().await }.in_span_infallible(Span::chat())).await;
    scribe.assert_wrote(&["start chat in nothing", "stop chat completed", "drop chat"]);
    assert_eq!(telemetry.ends_without_start("scribe"), Some(0), "the end of a tool was not missed");
}

#[tokio::test]
async fn a_first_chunk_is_not_noted_further_out() {
    let scribe = Scribe { follows: |name| name == SpanName::Chat, ..Scribe::new() };
    let telemetry = scribe.attached();
    telemetry.attach("chunks", "allm.stream.first_chunk", |_| {}).unwrap();
    let chat = async { stream::iter([1]).in_span_infallible(Span::stream()).count().await };
    telemetry.scope(chat.in_span_infallible(Span::chat())).await;
    scribe.assert_wrote(&["start chat in nothing", "stop chat completed", "drop chat"]);
}

/// Writes what it may, and asked for nothing.
struct Modest;

impl Listener for Modest {
    type Built = ();
    type State = ();
    fn on_build(&self) {}
    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&()>) {}
    fn on_chunk(&self, (): &(), _: &Chunk) {
        panic!("nobody asked for chunks")
    }
    fn on_end(&self, (): &(), _: &Event<'_>) {}
    fn around(&self, (): &(), _: bool, _: &mut dyn FnMut()) {
        panic!("nobody asked for polls")
    }
}

#[tokio::test]
async fn what_a_listener_can_do_is_not_what_it_wants() {
    let telemetry = Telemetry::new();
    telemetry.listen("modest", Modest).unwrap();
    telemetry.scope(async { stream::iter([1, 2]).in_span_infallible(Span::stream()).count().await }).await;
    assert!(!telemetry.list_handlers("allm.stream.stop").is_empty(), "it did not panic");
}

/// Keeps what it may see of errors.
struct Sees(Content, Arc<Mutex<Vec<Value>>>);

impl Listener for Sees {
    type Built = ();
    type State = ();
    fn content(&self) -> Content {
        self.0
    }
    fn on_build(&self) {}
    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&()>) {}
    fn on_end(&self, (): &(), event: &Event<'_>) {
        self.1.lock().unwrap().push(event.metadata("error").unwrap().to_value());
    }
}

#[tokio::test]
async fn a_listener_gets_no_content_that_it_did_not_ask_for() {
    for (content, expected) in [(Content::NONE, Value::Null), (Content::ERROR, "refused".into())] {
        let (telemetry, seen) = (Telemetry::new(), Arc::default());
        telemetry.listen("sees", Sees(content, Arc::clone(&seen))).unwrap();
        telemetry.scope(async { Answer::<()>::Err(refused()) }.in_span(Span::chat())).await.unwrap_err();
        assert_eq!(*seen.lock().unwrap(), [expected]);
    }
}
