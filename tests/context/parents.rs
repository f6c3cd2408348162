//! Who is whose parent, and what a span inherits: wherever it was built, polled and spawned.
#![allow(clippy::async_yields_async, reason = "what is built here and awaited elsewhere is what is tested")]

use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::*;
use allm_telemetry::{
    SpanName,
    event::{OwnedEvent, Phase, Value},
    prelude::*,
    testing::Capture,
};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::task::yield_now;

async fn tool() -> Option<String> {
    async { id_here() }.in_span_infallible(Span::tool("t", "1")).await
}

#[tokio::test]
async fn a_child_that_starts_after_its_parents_end_still_knows_it() {
    let capture = Capture::new();
    let late = async { allm_telemetry::spawn(async { (yield_now().await, tool().await).1 }) };
    let task = capture.scope(late.in_span_infallible(Span::chat())).await;
    let parent = end_of(&capture, SpanName::Chat);
    assert_eq!(task.await.unwrap(), Some(request_of(&parent)));
    assert_eq!(end_of(&capture, SpanName::Tool).as_event().parent_span_id(), parent.as_event().span_id());
}

#[tokio::test]
async fn a_postfix_chain_nests_as_it_reads() {
    let capture = Capture::new();
    capture.scope(tool().in_span_infallible(Span::step()).in_span_infallible(Span::chat())).await;
    let [chat, step, tool] =
        [SpanName::Chat, SpanName::Step, SpanName::Tool].map(|name| the(&capture, name, Phase::Start));
    assert_eq!(tool.as_event().parent_span_id(), step.as_event().span_id());
    assert_eq!(step.as_event().parent_span_id(), chat.as_event().span_id());
}

#[tokio::test]
async fn the_captured_context_counts_when_the_first_poll_is_in_another_request() {
    let capture = Capture::new();
    let (step, own) = capture
        .scope(
            async { (ready(()).in_span_infallible(Span::step()), id_here()) }
                .in_span_infallible(Span::chat()),
        )
        .await;
    capture.scope(async { (step.await, id_here()) }.in_span_infallible(Span::generate())).await;
    assert_eq!(Some(request_of(&end_of(&capture, SpanName::Step))), own);
    let parent = end_of(&capture, SpanName::Step).as_event().parent_span_id();
    assert_eq!(parent, end_of(&capture, SpanName::Chat).as_event().span_id());
}

#[tokio::test]
async fn the_context_of_the_first_poll_counts_when_it_was_opened_inside_the_captured_one() {
    let capture = Capture::new();
    let outer = async {
        let tool = tool_span();
        tool.in_span_infallible(Span::step()).await
    };
    capture.scope(outer.in_span_infallible(Span::chat())).await;
    let parent = end_of(&capture, SpanName::Tool).as_event().parent_span_id();
    assert_eq!(parent, end_of(&capture, SpanName::Step).as_event().span_id());
}

fn tool_span() -> impl Future<Output = ()> {
    ready(()).in_span_infallible(Span::tool("t", "1"))
}

#[tokio::test]
async fn the_context_of_a_stream_is_settled_when_it_is_wrapped() {
    let capture = Capture::new();
    let wrapped = async { stream::iter([1]).map(|_| id_here()).in_span_infallible(Span::stream()) };
    let mut tokens = capture.scope(wrapped.in_span_infallible(Span::chat())).await;
    let seen = capture.scope(async { tokens.next().await.unwrap() }.in_span_infallible(Span::step())).await;
    drop(tokens);
    let chat = end_of(&capture, SpanName::Chat);
    assert_eq!(seen, Some(request_of(&chat)));
    assert_eq!(end_of(&capture, SpanName::Stream).as_event().parent_span_id(), chat.as_event().span_id());
}

#[tokio::test]
async fn a_parent_is_the_nearest_ancestor_that_is_observed() {
    let telemetry = allm_telemetry::Telemetry::new();
    let seen: Arc<Mutex<Vec<OwnedEvent>>> = Arc::default();
    let keep = seen.clone();
    let names = ["allm.chat.stop", "allm.tool.stop"];
    telemetry.attach_many("keep", names, move |event| keep.lock().unwrap().push(event.to_owned())).unwrap();
    telemetry.scope(tool_span().in_span_infallible(Span::step()).in_span_infallible(Span::chat())).await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].as_event().parent_span_id(), seen[1].as_event().span_id());
}

#[tokio::test]
async fn engine_and_provider_are_inherited_from_the_nearest_ancestor_and_the_model_is_not() {
    let capture = Capture::new();
    let step = tool_span().in_span_infallible(Span::step().engine("rig"));
    let chat = Span::chat().engine("openai").provider("azure").model("gpt-5");
    capture.scope(step.in_span_infallible(chat)).await;
    let tool = the(&capture, SpanName::Tool, Phase::Start);
    assert_eq!((text(&tool, "engine"), text(&tool, "provider")), ("rig".into(), "azure".into()));
    assert_eq!(value(&tool, "model"), Value::Null);
}

#[tokio::test]
async fn scopes_of_two_handles_do_not_see_each_other() {
    let (ours, theirs) = (Capture::new(), Capture::new());
    let theirs_inside = async { (theirs.scope(tool()).await, id_here()) };
    let (inner, outer) = ours.scope(theirs_inside.in_span_infallible(Span::chat())).await;
    assert_eq!(inner, outer);
    assert_eq!((names(&ours).len(), names(&theirs).len()), (2, 2));
    assert_eq!(end_of(&theirs, SpanName::Tool).as_event().parent_span_id(), None);
    tokio::join!(ours.scope(tool()), async { (yield_now().await, theirs.scope(tool()).await) });
    assert_eq!((names(&ours).len(), names(&theirs).len()), (4, 4));
}

#[tokio::test]
async fn a_scope_reaches_what_is_spawned_with_context() {
    let capture = Capture::new();
    capture.scope(async { allm_telemetry::spawn(tool()).await.unwrap() }).await;
    assert_eq!(names(&capture), ["tool.start", "tool.stop"]);
    capture.scope(async { tokio::spawn(tool()).await.unwrap() }).await;
    assert_eq!(names(&capture).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn spans_nest_as_deep_as_one_likes() {
    fn nested(level: u16) -> BoxFuture<'static, ()> {
        if level == 0 {
            pause(1).boxed()
        } else {
            async move { nested(level - 1).await }.in_span_infallible(Span::step()).boxed()
        }
    }
    let capture = Capture::new();
    capture.scope(nested(300)).await;
    capture.assert_balanced();
    let starts = capture.named("allm.step.start");
    assert_eq!(starts.len(), 300);
    for pair in starts.windows(2) {
        assert_eq!(pair[1].as_event().parent_span_id(), pair[0].as_event().span_id());
        assert_eq!(request_of(&pair[1]), request_of(&pair[0]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_task_ends_what_it_spawned_on_its_own_terms() {
    let capture = Capture::new();
    let background = capture
        .scope(
            async { allm_telemetry::spawn(async { (pause(50).await, tool().await).1 }) }
                .in_span_infallible(Span::chat()),
        )
        .await;
    capture.wait_for("allm.tool.stop", Duration::from_secs(1)).await.unwrap();
    assert_eq!(background.await.unwrap(), Some(request_of(&end_of(&capture, SpanName::Chat))));
}
