//! Which subscriber a span belongs to: the one of the place where it is built.

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::event::Phase;
use allm_telemetry::prelude::*;
use tokio::task::yield_now;
use tracing::info;
use tracing::instrument::WithSubscriber as _;

use crate::attached;
use crate::recorder::Recorder;

fn tool() -> impl Future<Output = ()> {
    async { info!("searching") }.in_span_infallible(Span::tool("search", "1"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_of_one_task_goes_with_the_spans_to_others() {
    let (telemetry, recorder) = (attached(Tracing::new()), Recorder::new());
    let spawned = async {
        yield_now().await;
        info!("working");
        tool().await;
    };
    let serve = async {
        async { allm_telemetry::spawn(spawned).await.unwrap() }.in_span_infallible(Span::chat()).await;
    };
    tokio::spawn(telemetry.scope(serve).with_subscriber(recorder.dispatch())).await.unwrap();
    let expected = [
        "new chat in nothing",
        "event working in chat",
        "new tool in chat",
        "event searching in tool < chat",
        "close tool",
        "close chat",
    ];
    assert_eq!(recorder.story(), expected);
}

#[tokio::test]
async fn a_span_that_is_built_where_there_is_no_subscriber_takes_the_one_where_it_starts() {
    let (telemetry, recorder) = (attached(Tracing::new()), Recorder::new());
    telemetry.run(tool).with_subscriber(recorder.dispatch()).await;
    assert_eq!(recorder.story(), ["new tool in nothing", "event searching in tool", "close tool"]);
}

#[tokio::test]
async fn a_subscriber_inside_another_gets_a_tree_of_its_own() {
    let (telemetry, outer, inner) = (attached(Tracing::new()), Recorder::new(), Recorder::new());
    let chat = async { async { tool().await }.with_subscriber(inner.dispatch()).await };
    let serve = async { chat.in_span_infallible(Span::chat()).await };
    telemetry.scope(serve).with_subscriber(outer.dispatch()).await;
    assert_eq!(outer.story(), ["new chat in nothing", "close chat"]);
    assert_eq!(inner.story(), ["new tool in nothing", "event searching in tool", "close tool"]);
}

#[tokio::test]
async fn a_span_stays_with_its_subscriber_wherever_it_is_polled_and_its_parent_is_closed_there() {
    let (telemetry, first, second) = (attached(Tracing::new()), Recorder::new(), Recorder::new());
    let built = tracing::dispatcher::with_default(&first.dispatch(), || {
        telemetry.run(|| tracing::info_span!("request").in_scope(tool))
    });
    built.with_subscriber(second.dispatch()).await;
    let expected = [
        "new request in nothing",
        "new tool in request",
        "event searching in tool < request",
        "close tool",
        "close request",
    ];
    assert_eq!(first.story(), expected);
    assert_eq!(second.story(), [""; 0]);
}

#[tokio::test]
async fn without_a_subscriber_nothing_happens() {
    let telemetry = attached(Tracing::new());
    let chat = async { allm_telemetry::spawn(async { 4 }).await.unwrap() };
    assert_eq!(telemetry.scope(chat.in_span_infallible(Span::chat())).await, 4);
    let attached = telemetry.list_handlers("").iter().filter(|it| &*it.id == "tracing").count();
    assert_eq!(attached, SpanName::ALL.len() * Phase::ALL.len() + 1, "all span events and retries");
}
