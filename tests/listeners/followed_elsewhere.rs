//! When somebody follows something, and not what happens here: another span, or the same on another handle.
//! It changes nothing, and what is made for followers only is not made.

use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::*;
use allm_telemetry::{
    SpanName, Telemetry, adapter_retry, current_request_id,
    event::{Clock, Metadata, OwnedEvent},
    prelude::*,
    testing::Capture,
};
use futures::FutureExt as _;
use futures::future::BoxFuture;

/// A handle on which only these spans are followed, and what they tell.
fn following(spans: &[SpanName]) -> (Telemetry, Arc<Mutex<Vec<OwnedEvent>>>) {
    let (telemetry, seen) = (Telemetry::new(), Arc::<Mutex<Vec<OwnedEvent>>>::default());
    let to = seen.clone();
    let keep = move |event: &Event<'_>| to.lock().unwrap().push(event.to_owned());
    telemetry.attach_many("keep", spans.iter().flat_map(|span| span.events()), keep).unwrap();
    (telemetry, seen)
}

fn nested(levels: u16, between: SpanName) -> BoxFuture<'static, ()> {
    if levels == 0 {
        async {}.in_span_infallible(Span::tool("t", "1")).boxed()
    } else {
        async move { nested(levels - 1, between).await }.in_span_infallible(span_of(between)).boxed()
    }
}

#[test]
fn a_span_knows_its_parent_however_many_spans_that_nobody_follows_lie_between() {
    for outer in [SpanName::Chat, SpanName::Generate] {
        for between in [SpanName::Step, SpanName::Embed] {
            let (telemetry, seen) = following(&[outer, SpanName::Tool]);
            let work = async move { nested(200, between).await }.in_span_infallible(span_of(outer));
            telemetry.scope(work).now_or_never().unwrap();
            let seen = seen.lock().unwrap();
            let start_of = |span| seen.iter().find(|it| it.as_event().span() == Some(span)).unwrap();
            let parent = start_of(SpanName::Tool).as_event().parent_span_id();
            assert_eq!(parent, start_of(outer).as_event().span_id(), "{between} between {outer} and tool");
        }
    }
}

#[tokio::test]
async fn a_retry_inside_a_call_that_nobody_follows_is_not_one_of_the_call_around_it() {
    let (telemetry, seen) = following(&[SpanName::Image]);
    let inner = async { adapter_retry(1, ms(10), "reset") };
    let outer = async {
        inner.in_span_infallible(Span::embed(3)).await;
        adapter_retry(1, ms(10), "reset");
    };
    telemetry.scope(outer.in_span_infallible(span_of(SpanName::Image))).await;
    assert_eq!(value(seen.lock().unwrap().last().unwrap(), "attempts"), 2.into());
}

#[tokio::test]
async fn what_is_inside_a_tool_or_step_that_nobody_follows_is_not_the_calls_around_it() {
    for between in [SpanName::Tool, SpanName::Step, SpanName::Chat, SpanName::Retrieve] {
        let (telemetry, seen) = following(&[SpanName::Generate]);
        let answer = |tokens: u64| {
            Span::generate().on_end(move |record: &mut Record<'_>| record.usage(Usage::new().input(tokens)))
        };
        let inner = async { adapter_retry(1, ms(10), "reset") }.in_span_infallible(answer(10));
        let work = async {
            inner.await;
            adapter_retry(1, ms(10), "reset");
        };
        let outer = work.in_span_infallible(span_of(between)).in_span_infallible(answer(1000));
        telemetry.scope(outer).await;
        let seen = seen.lock().unwrap();
        let ends: Vec<_> = seen.iter().filter(|event| event.as_event().outcome().is_some()).collect();
        assert_eq!(value(ends[0], "attempts"), 2.into(), "{between}");
        // A retry inside a tool is the tool's own. One inside a step is of the nearest call around it.
        let of_outer = if between == SpanName::Tool { 1 } else { 2 };
        assert_eq!(value(ends[1], "attempts"), of_outer.into(), "{between}");
        assert!(ends.iter().all(|end| end.as_event().counts_usage()), "{between}");
    }
}

#[tokio::test]
async fn a_request_that_only_another_handle_follows_has_one_id() {
    let elsewhere = Capture::new();
    let ids = async {
        (current_request_id(), async { current_request_id() }.in_span_infallible(Span::step()).await)
    };
    let (outer, inner) = ids.in_span_infallible(Span::chat()).await;
    assert!(outer.is_some() && outer == inner && elsewhere.events().is_empty());
}

#[tokio::test]
async fn a_request_that_nobody_follows_keeps_its_id_after_a_span_inside_it_that_somebody_follows() {
    let (telemetry, events) = following(&[SpanName::Tool]);
    let turn = async {
        let before = current_request_id();
        async {}.in_span_infallible(span_of(SpanName::Tool)).await;
        let after_one_that_ended = current_request_id();
        assert!(pending::<()>().in_span_infallible(span_of(SpanName::Tool)).now_or_never().is_none());
        [before, after_one_that_ended, current_request_id()]
    };
    let ids = telemetry.scope(turn.in_span_infallible(Span::chat())).await;
    let told = events.lock().unwrap().iter().map(|event| text(event, "request_id")).collect::<Vec<_>>();
    let id = ids[0].clone().expect("a chat is a request").to_string();
    assert_eq!(ids.map(|id| id.unwrap().to_string()), [id.as_str(); 3]);
    assert_eq!(told, [id.as_str(); 4]);
}

/// What an event of the user is made of, if somebody asks.
struct Made(Arc<AtomicU64>);

impl From<Made> for Metadata {
    fn from(made: Made) -> Self {
        made.0.fetch_add(1, Ordering::Relaxed);
        Self::new()
    }
}

#[test]
fn an_event_that_only_another_handle_follows_is_not_made() {
    let (telemetry, made) = (Telemetry::new(), Arc::new(AtomicU64::new(0)));
    let elsewhere = Telemetry::new();
    elsewhere.attach("look", "allm.cache.hit", |_| {}).unwrap();
    telemetry.execute("cache.hit", [("n", 1)], Made(made.clone())).unwrap();
    assert_eq!(made.load(Ordering::Relaxed), 0);
    elsewhere.execute("cache.hit", [("n", 1)], Made(made.clone())).unwrap();
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn an_event_that_is_followed_no_more_is_not_made_any_more() {
    let (telemetry, made) = (Telemetry::new(), Arc::new(AtomicU64::new(0)));
    let emit = || telemetry.execute("cache.hit", [("n", 1)], Made(made.clone())).unwrap();
    for id in ["first", "second"] {
        telemetry.attach(id, "allm.cache.hit", |_| {}).unwrap();
    }
    telemetry.detach("first").unwrap();
    emit();
    assert_eq!(made.load(Ordering::Relaxed), 1, "one is left");
    telemetry.detach("second").unwrap();
    emit();
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

/// A clock that counts who looks at it.
struct Looks(Arc<AtomicU64>);

impl Clock for Looks {
    fn monotonic(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn system(&self, monotonic: u64) -> u64 {
        monotonic
    }
}

#[test]
fn what_nobody_follows_here_looks_at_no_clock() {
    let (elsewhere, looks) = (Capture::new(), Arc::new(AtomicU64::new(0)));
    let telemetry = Telemetry::with_clock(Looks(looks.clone()));
    telemetry.attach("other", "telemetry.handler.failure", |_| {}).unwrap();
    let before = looks.load(Ordering::Relaxed);
    telemetry.run(|| adapter_retry(1, ms(10), "reset"));
    telemetry.scope(async {}.in_span_infallible(Span::chat())).now_or_never().unwrap();
    assert_eq!((looks.load(Ordering::Relaxed), elsewhere.events().len()), (before, 0));
}
