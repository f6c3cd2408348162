//! Listeners around polls: exactly once each, whatever they do.
#![allow(clippy::async_yields_async, reason = "what is built here and awaited elsewhere is what is tested")]

use std::cell::Cell;
use std::future::pending;

use allm_telemetry::{Listener, SpanName, Telemetry, prelude::*, testing::Capture};
use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::task::yield_now;

use crate::support::scribe::*;
use crate::support::*;

#[tokio::test]
async fn a_listener_is_around_every_poll_and_the_drop() {
    let scribe = Scribe { around: Some(|poll| poll()), ..Scribe::new() };
    let (telemetry, log) = (scribe.attached(), scribe.log.clone());
    let guard = OnDrop(move || log.lock().unwrap().push("inner dropped".into()));
    let work = async move {
        yield_now().await;
        pending::<()>().await;
        drop(guard);
    };
    let mut chat = Box::pin(telemetry.run(|| work.in_span_infallible(Span::chat())));
    let _ = (poll_once(&mut chat), poll_once(&mut chat));
    drop(chat);
    scribe.assert_wrote(&[
        "start chat in nothing",
        "enter chat",
        "leave chat",
        "enter chat",
        "leave chat",
        "enter chat",
        "inner dropped",
        "leave chat",
        "stop chat cancelled",
        "drop chat",
    ]);
}

#[tokio::test]
async fn a_listener_is_around_a_poll_once_though_spans_that_nobody_follows_lie_inside() {
    let scribe = Scribe { around: Some(|poll| poll()), follows: |it| it == SpanName::Chat, ..Scribe::new() };
    let telemetry = scribe.attached();
    let items = async { stream::iter([1, 2]).in_span_infallible(Span::stream()).count().await };
    assert_eq!(
        telemetry.scope(items.in_span_infallible(Span::step()).in_span_infallible(Span::chat())).await,
        2
    );
    scribe.assert_wrote(&[
        "start chat in nothing",
        "enter chat",
        "leave chat",
        "stop chat completed",
        "drop chat",
    ]);
}

#[tokio::test]
async fn a_listener_is_not_around_a_span_of_another_handle_but_around_its_own_inside_that() {
    let scribe = Scribe { around: Some(|poll| poll()), ..Scribe::new() };
    let (telemetry, elsewhere) = (scribe.attached(), Telemetry::new());
    elsewhere.attach_many("look", SpanName::Tool.events(), |_| {}).unwrap();
    let own = async { telemetry.scope(async {}.in_span_infallible(Span::step())).await };
    let foreign = async { elsewhere.scope(own.in_span_infallible(Span::tool("search", "call_1"))).await };
    telemetry.scope(foreign.in_span_infallible(Span::chat())).await;
    scribe.assert_wrote(&[
        "start chat in nothing",
        "enter chat",
        // By the scope of its own handle; not by the other handle's, nor by the tool.
        "enter chat",
        "start step in chat",
        "enter step",
        "leave step",
        "stop step completed",
        "drop step",
        "leave chat",
        "leave chat",
        "stop chat completed",
        "drop chat",
    ]);
}

#[tokio::test]
async fn the_poll_runs_exactly_once_though_the_listener_forgets_or_repeats_it() {
    for around in [(|_| {}) as fn(&mut dyn FnMut()), |poll| (0..3).for_each(|_| poll())] {
        let telemetry = Scribe { around: Some(around), ..Scribe::new() }.attached();
        let polls = Cell::new(0);
        let work = async {
            polls.set(polls.get() + 1);
            "an answer"
        };
        assert_eq!(telemetry.scope(work.in_span_infallible(Span::chat())).await, "an answer");
        assert_eq!(polls.get(), 1);
    }
}

#[tokio::test]
async fn a_panic_in_the_poll_goes_on_after_the_listener_has_left() {
    let scribe = Scribe { around: Some(|poll| poll()), ..Scribe::new() };
    let telemetry = scribe.attached();
    let lost = async { std::panic::resume_unwind(Box::new("lost")) }.in_span_infallible(Span::chat());
    let told = panic_text(|| -> Option<()> { telemetry.scope(lost).now_or_never() });
    assert_eq!(told, "lost");
    let log = scribe.log.lock().unwrap();
    assert_eq!(log[1..3], ["enter chat", "leave chat"]);
    assert_eq!(log[log.len() - 2..], ["stop chat panicked", "drop chat"]);
}

#[tokio::test]
async fn two_listeners_are_around_a_poll_one_inside_the_other() {
    let outer = Scribe { around: Some(|poll| poll()), ..Scribe::new() };
    let telemetry = outer.attached();
    telemetry.listen("inner", Scribe { around: Some(|_| {}), ..outer.clone() }).unwrap();
    let polled = || outer.log.lock().unwrap().push("polled".into());
    telemetry.scope(async { polled() }.in_span_infallible(Span::chat())).await;
    let log = outer.log.lock().unwrap();
    let arounds: Vec<_> = log.iter().filter(|line| !line.starts_with(['s', 'd'])).collect();
    // The inner one forgets the poll, which runs after it and still inside the other.
    assert_eq!(arounds, ["enter chat", "enter chat", "leave chat", "polled", "leave chat"]);
}

/// Writes down its name around each poll.
struct Named(&'static str, fn(SpanName) -> bool, Log);

impl Listener for Named {
    type Built = ();
    type State = ();

    fn follows(&self, span: SpanName) -> bool {
        (self.1)(span)
    }

    fn wants_around(&self) -> bool {
        true
    }

    fn on_build(&self) {}

    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&()>) {}

    fn on_end(&self, (): &(), _: &Event<'_>) {}

    fn around(&self, (): &(), _: bool, poll: &mut dyn FnMut()) {
        self.2.lock().unwrap().push(self.0.into());
        poll();
    }
}

#[tokio::test]
async fn listeners_are_around_a_poll_in_the_order_of_attaching() {
    let (telemetry, log) = (Telemetry::new(), Log::default());
    for (n, name) in ["first", "second", "third", "fourth"].into_iter().enumerate() {
        let follows = if n % 2 == 0 { |_| true } else { |it| it == SpanName::Step };
        telemetry.listen(name, Named(name, follows, log.clone())).unwrap();
    }
    telemetry.scope(async {}.in_span_infallible(Span::step()).in_span_infallible(Span::chat())).await;
    assert_eq!(log.lock().unwrap()[..2], ["first", "third"], "around the chat");
    assert_eq!(log.lock().unwrap()[2..], ["first", "second", "third", "fourth"], "around the step in it");
}

#[tokio::test]
async fn a_listener_is_around_what_carries_the_context_and_is_told_that_the_span_has_ended() {
    let scribe = Scribe { around: Some(|poll| poll()), ..Scribe::new() };
    let telemetry = scribe.attached();
    let spawning = async { allm_telemetry::spawn(async {}) };
    telemetry.scope(spawning.in_span_infallible(Span::chat())).await.await.unwrap();
    scribe.assert_wrote(&[
        "start chat in nothing",
        "enter chat",
        "leave chat",
        "stop chat completed",
        "enter chat (ended)",
        "leave chat",
        "drop chat",
    ]);
}

#[tokio::test]
async fn a_listener_is_around_blocking_work_and_closures_that_carry_the_context() {
    for closure in [true, false] {
        let scribe = Scribe { around: Some(|poll| poll()), ..Scribe::new() };
        let log = scribe.log.clone();
        let note = move || log.lock().unwrap().push("work".into());
        let working = async move {
            if closure {
                note.in_current_context()()
            } else {
                allm_telemetry::spawn_blocking(note).await.unwrap()
            }
        };
        scribe.attached().scope(working.in_span_infallible(Span::chat())).await;
        let log = scribe.log.lock().unwrap();
        let place = log.iter().position(|line| line == "work").unwrap();
        assert_eq!((&*log[place - 1], &*log[place + 1]), ("enter chat", "leave chat"));
    }
}

/// Does not ask to be around polls.
struct Aside(Log);

impl Listener for Aside {
    type Built = ();
    type State = ();

    fn on_build(&self) {}

    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&()>) {}

    fn on_end(&self, (): &(), _: &Event<'_>) {}

    fn around(&self, (): &(), _: bool, _: &mut dyn FnMut()) {
        self.0.lock().unwrap().push("aside".into());
    }
}

#[tokio::test]
async fn who_does_not_ask_is_not_around_a_poll_and_takes_it_from_nobody() {
    for asks_first in [true, false] {
        let (telemetry, log) = (Telemetry::new(), Log::default());
        let asks = || telemetry.listen("asks", Named("asks", |_| true, log.clone())).unwrap();
        let aside = || telemetry.listen("aside", Aside(log.clone())).unwrap();
        if asks_first {
            (asks(), aside())
        } else {
            (aside(), asks())
        };
        telemetry.scope(async {}.in_span_infallible(Span::chat())).await;
        assert_eq!(*log.lock().unwrap(), ["asks"], "asks first: {asks_first}");
    }
}

/// Opens a span that it follows whenever it is around a poll, or when a state drops.
#[derive(Clone, Copy, PartialEq)]
enum Narcissus {
    Around,
    Drop,
}

fn look() {
    async {}.in_span_infallible(Span::tool("mirror", "call_1")).now_or_never();
}

struct Looks(Narcissus);

impl Drop for Looks {
    fn drop(&mut self) {
        if self.0 == Narcissus::Drop {
            look();
        }
    }
}

impl Listener for Narcissus {
    type Built = ();
    type State = Looks;

    fn wants_around(&self) -> bool {
        true
    }

    fn on_build(&self) {}

    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&Looks>) -> Looks {
        Looks(*self)
    }

    fn on_end(&self, _: &Looks, _: &Event<'_>) {}

    fn around(&self, _: &Looks, _: bool, poll: &mut dyn FnMut()) {
        if *self == Self::Around {
            look();
        }
        poll();
    }
}

#[test]
fn a_listener_that_opens_the_spans_it_follows_around_a_poll_or_in_a_drop_is_detached_and_reported() {
    for narcissus in [Narcissus::Around, Narcissus::Drop] {
        let capture = Capture::new();
        capture.telemetry().listen("narcissus", narcissus).unwrap();
        let chat = async { "an answer" }.in_span_infallible(Span::chat());
        assert_eq!(capture.scope(chat).now_or_never(), Some("an answer"));
        capture.assert_balanced();
        let failures = capture.named("telemetry.handler.failure");
        assert_eq!(failures.iter().map(|it| text(it, "handler_id")).collect::<Vec<_>>(), ["narcissus"]);
        assert!(text(&failures[0], "reason").contains("64"), "{:?}", failures[0]);
        assert!(capture.telemetry().list_handlers("").iter().all(|it| &*it.id != "narcissus"));
    }
}

#[test]
fn spans_nest_in_a_poll_as_deep_as_they_like_though_a_listener_is_around_it() {
    fn nested(level: u16) -> futures::future::BoxFuture<'static, ()> {
        if level == 0 {
            async {}.boxed()
        } else {
            async move { nested(level - 1).await }.in_span_infallible(Span::step()).boxed()
        }
    }
    let (telemetry, log) = (Telemetry::new(), Log::default());
    telemetry.listen("named", Named("named", |_| true, log.clone())).unwrap();
    telemetry.scope(nested(100)).now_or_never().unwrap();
    assert_eq!(log.lock().unwrap().len(), 100);
}
