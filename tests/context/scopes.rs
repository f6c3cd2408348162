//! Scopes and wrapped futures that are built in one context and polled in another.
#![allow(
    clippy::redundant_async_block,
    reason = "what is built outside a block and polled in it is what is tested"
)]

use std::future::ready;
use std::sync::{Arc, Mutex};

use allm_telemetry::{SpanName, prelude::*, testing::Capture, with_request_id};
use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::support::*;

fn given() -> allm_telemetry::RequestId {
    "req-42".parse().unwrap()
}

async fn tool() -> Option<String> {
    async { id_here() }.in_span_infallible(Span::tool("t", "1")).await
}

/// Every order of three scopes around a future, all built in the same place.
fn orders(capture: &Capture) -> Vec<BoxFuture<'static, Option<String>>> {
    type Work = BoxFuture<'static, Option<String>>;
    let scope = |which: u8, work: Work| match which {
        0 => capture.scope(work).boxed(),
        1 => with_request_id(given(), work).boxed(),
        _ => work.in_current_context().boxed(),
    };
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    orders.map(|order| order.into_iter().fold(tool().boxed(), |work, which| scope(which, work))).into()
}

#[tokio::test]
async fn scopes_compose_in_any_order() {
    let capture = Capture::new();
    for (polled, work) in orders(&capture).into_iter().enumerate() {
        assert_eq!(work.await.as_deref(), Some("req-42"), "order {polled}");
        assert_eq!(capture.of_request("req-42").len(), 2 * (polled + 1), "order {polled}");
    }
}

#[tokio::test]
async fn scopes_compose_in_any_order_when_they_are_spawned() {
    let capture = Capture::new();
    for (polled, work) in orders(&capture).into_iter().enumerate() {
        assert_eq!(tokio::spawn(work).await.unwrap().as_deref(), Some("req-42"), "order {polled}");
        assert_eq!(capture.of_request("req-42").len(), 2 * (polled + 1), "order {polled}");
    }
}

#[tokio::test]
async fn a_request_id_that_was_given_outside_a_capture_is_seen_in_it() {
    let capture = Capture::new();
    let work = with_request_id(given(), tool());
    assert_eq!(capture.scope(work).await.as_deref(), Some("req-42"));
    assert_eq!(request_of(&end_of(&capture, SpanName::Tool)), "req-42");
}

#[tokio::test]
async fn the_scope_of_a_handle_keeps_the_request_id_that_is_given_around_it() {
    let capture = Capture::new();
    let work = capture.scope(tool());
    assert_eq!(with_request_id(given(), work).await.as_deref(), Some("req-42"));
    assert_eq!(request_of(&end_of(&capture, SpanName::Tool)), "req-42");
}

#[tokio::test]
async fn a_scope_that_is_wrapped_in_a_span_is_inside_that_span() {
    let capture = Capture::new();
    let scoped = with_request_id(given(), tool());
    capture.scope(scoped.in_span_infallible(Span::chat())).await;
    let (chat, tool) = (end_of(&capture, SpanName::Chat), end_of(&capture, SpanName::Tool));
    assert_eq!(tool.as_event().parent_span_id(), chat.as_event().span_id());
    assert_eq!(request_of(&tool), "req-42");
    assert_ne!(request_of(&chat), "req-42");
}

/// A future that notes the request id that is current where it is dropped.
fn noting(seen: &Arc<Mutex<Vec<Option<String>>>>) -> impl Future<Output = ()> + use<> {
    let seen = seen.clone();
    let guard = OnDrop(move || seen.lock().unwrap().push(id_here()));
    async move { drop(guard) }
}

#[tokio::test]
async fn what_was_built_outside_every_request_and_never_polled_is_dropped_in_none() {
    let seen = Arc::default();
    let wrapped = noting(&seen).in_span_infallible(Span::tool("t", "1"));
    let opening = Span::stream().open_infallible(noting(&seen).map(|()| futures::stream::empty::<u8>()));
    let carried = noting(&seen).in_current_context();
    async { drop((wrapped, opening, carried)) }.in_span_infallible(Span::chat()).await;
    assert_eq!(*seen.lock().unwrap(), [None, None, None]);
}

#[tokio::test]
async fn a_scope_that_was_never_polled_is_dropped_with_its_own_part() {
    let seen = Arc::default();
    let scoped = with_request_id(given(), noting(&seen));
    async { drop(scoped) }.in_span_infallible(Span::chat()).await;
    assert_eq!(*seen.lock().unwrap(), [Some("req-42".to_owned())]);
}

#[tokio::test]
async fn what_was_built_for_a_handle_outside_requests_keeps_both_the_handle_and_the_request_it_is_polled_in()
{
    let capture = Capture::new();
    let built = capture.run(|| tool().in_span_infallible(Span::step()));
    let (seen, own) = async { (built.await, id_here()) }.in_span_infallible(Span::chat()).await;
    assert!(seen.is_some() && seen == own, "{seen:?} {own:?}");
    assert_eq!(names(&capture), ["step.start", "tool.start", "tool.stop", "step.stop"]);
    assert_eq!(request_of(&end_of(&capture, SpanName::Step)), own.unwrap());
    assert_eq!(end_of(&capture, SpanName::Step).as_event().parent_span_id(), None);
}

#[tokio::test]
async fn what_was_built_in_a_request_that_nobody_observes_keeps_it_in_the_capture_that_it_is_polled_in() {
    let capture = Capture::new();
    for polled_in_a_chat in [false, true] {
        let building = async { (ready(()).in_span_infallible(Span::step()), id_here()) };
        let (built, own) = building.in_span_infallible(Span::chat()).await;
        let work = async { built.await };
        match polled_in_a_chat {
            false => capture.scope(work).await,
            true => capture.scope(work.in_span_infallible(Span::generate())).await,
        }
        let steps = capture.named("allm.step.start");
        assert_eq!(Some(request_of(steps.last().unwrap())), own);
        assert_eq!(steps.last().unwrap().as_event().parent_span_id(), None, "the request is never split");
    }
}

#[tokio::test]
async fn what_was_built_in_an_observed_request_keeps_its_handle_in_a_scope_of_another() {
    let (ours, theirs) = (Capture::new(), Capture::new());
    let building = async { (tool(), ready(()).in_span_infallible(Span::step())) };
    let (unbuilt, built) = ours.scope(building.in_span_infallible(Span::chat())).await;
    theirs.scope(async { (unbuilt.await, built.await) }).await;
    assert_eq!(names(&ours), ["chat.start", "chat.stop", "step.start", "step.stop"]);
    assert_eq!(names(&theirs), ["tool.start", "tool.stop"]);
}

#[tokio::test]
async fn a_context_that_is_named_is_entered_as_it_is() {
    let capture = Capture::new();
    let outside = allm_telemetry::Context::current();
    let inside = async {
        let named = outside.clone().scope(async { id_here() }).await;
        let run = outside.run(id_here);
        let spawned = allm_telemetry::spawn(with_request_id(given(), async { id_here() })).await.unwrap();
        (named, run, spawned)
    };
    let (named, run, spawned) = capture.scope(inside.in_span_infallible(Span::chat())).await;
    assert_eq!((named, run, spawned.as_deref()), (None, None, Some("req-42")));
}

#[tokio::test]
async fn a_scope_settles_once() {
    let capture = Capture::new();
    let work = async { (futures::pending!(), id_here()).1 };
    let mut scoped = Box::pin(work.in_current_context());
    let first = async { (poll_once(&mut scoped).is_pending(), id_here()) };
    let (pending_there, first) = first.in_span_infallible(Span::chat()).await;
    assert!(pending_there && first.is_some());
    let second = capture.scope(async { scoped.await }.in_span_infallible(Span::chat())).await;
    assert_eq!(second, first);
}

#[tokio::test]
async fn what_is_taken_out_of_its_context_runs_in_the_one_around_it() {
    let carry = async { (async { id_here() }.boxed().in_current_context(), id_here()) };
    let (mut carried, own) = carry.in_span_infallible(Span::chat()).await;
    assert!(carried.get_ref().is_some() && carried.get_mut().is_some());
    assert_eq!(poll_once(&mut carried), std::task::Poll::Ready(own));
    assert!(carried.get_ref().is_none() && carried.into_inner().is_none());
    let carry = async { (async { id_here() }.in_current_context(),) };
    let (carried,) = carry.in_span_infallible(Span::chat()).await;
    assert_eq!(carried.into_inner().unwrap().await, None);
}
