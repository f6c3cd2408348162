//! Context under concurrency: inside each poll and drop of what carries it, nowhere else.

use std::future::pending;
use std::sync::{Arc, Mutex, mpsc};

use allm_telemetry::{Context, JoinSetContextExt as _, SpanName, event::Phase, prelude::*, testing::Capture};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _, stream};
use support::*;
use tokio::task::{JoinSet, LocalSet, yield_now};

mod baggage_headers;
mod inheritance;
mod parents;
mod propagation;
mod request_ids;
mod scopes;
#[path = "../support/mod.rs"]
mod support;

async fn chat() -> String {
    async { steady_id().in_span_infallible(Span::tool("t", "1")).await }
        .in_span_infallible(Span::chat())
        .await
}

/// Asserts that these are the ids of just these many requests, each with one chat and the tool below it.
#[track_caller]
fn assert_requests(capture: &Capture, ids: &[String]) {
    capture.assert_balanced();
    let starts = capture.named("allm.chat.start");
    assert_eq!(starts.len(), ids.len());
    for id in ids {
        let of_request = capture.of_request(id);
        let spans: Vec<_> = of_request.iter().map(|it| it.as_event().name().to_string()).collect();
        assert_eq!(spans, ["allm.chat.start", "allm.tool.start", "allm.tool.stop", "allm.chat.stop"]);
        assert_eq!(of_request[1].as_event().parent_span_id(), of_request[0].as_event().span_id());
        assert_eq!(of_request[0].as_event().parent_span_id(), None);
    }
}

#[tokio::test]
async fn neighbours_in_a_join_do_not_see_each_other() {
    let capture = Capture::new();
    let (a, b, outside) = capture
        .scope(async {
            tokio::join!(chat(), chat(), async {
                for _ in 0..5 {
                    assert_eq!(id_here(), None);
                    yield_now().await;
                }
                id_here()
            })
        })
        .await;
    assert_requests(&capture, &[a, b]);
    assert_eq!(outside, None);
}

#[tokio::test]
async fn neighbours_in_a_select_do_not_see_each_other() {
    let capture = Capture::new();
    capture
        .scope(async {
            let slow =
                async { (steady_id().await, pending::<()>().await).0 }.in_span_infallible(Span::step());
            let won = tokio::select! { biased; id = slow => id, id = chat() => id };
            assert_eq!(id_here(), None);
            assert_eq!(request_of(&the(&capture, SpanName::Chat, Phase::Stop)), won);
        })
        .await;
    assert_ne!(request_of(&end_of(&capture, SpanName::Step)), request_of(&end_of(&capture, SpanName::Chat)));
}

#[tokio::test]
async fn futures_unordered_keeps_each_in_its_own_context() {
    let capture = Capture::new();
    let ids: Vec<_> = capture.scope((0..20).map(|_| chat()).collect::<FuturesUnordered<_>>().collect()).await;
    assert_requests(&capture, &ids);
}

#[tokio::test]
async fn buffer_unordered_keeps_each_in_its_own_context() {
    let capture = Capture::new();
    let ids: Vec<_> = capture.scope(stream::iter(0..20).map(|_| chat()).buffer_unordered(4).collect()).await;
    assert_requests(&capture, &ids);
}

#[test]
fn a_multi_thread_runtime_keeps_each_task_in_its_own_context() {
    let capture = Capture::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let ids = runtime.block_on(async {
        let tasks: Vec<_> = (0..200).map(|_| tokio::spawn(capture.scope(chat()))).collect();
        futures::future::try_join_all(tasks).await.unwrap()
    });
    assert_requests(&capture, &ids);
}

#[tokio::test]
async fn nested_spawns_belong_to_the_request_of_the_outermost() {
    fn deep(level: u8) -> BoxFuture<'static, String> {
        if level == 0 {
            return steady_id().boxed();
        }
        let inner = async move { deep(level - 1).await };
        async { allm_telemetry::spawn(inner.in_span_infallible(Span::step())).await.unwrap() }.boxed()
    }
    let capture = Capture::new();
    let (inner, outer) =
        capture.scope(async { (deep(3).await, id_here().unwrap()) }.in_span_infallible(Span::chat())).await;
    assert_eq!(inner, outer);
    let starts: Vec<_> = capture
        .of_request(&outer)
        .into_iter()
        .filter(|it| it.as_event().phase() == Some(Phase::Start))
        .collect();
    assert_eq!(starts.len(), 4);
    for pair in starts.windows(2) {
        assert_eq!(pair[1].as_event().parent_span_id(), pair[0].as_event().span_id());
    }
}

/// Runs `work` in a chat; asserts that it saw the chat's id, and that tools in it have the chat as parent.
async fn in_chat(capture: &Capture, work: impl Future<Output = Option<String>>) {
    let (seen, own) = capture.scope(async { (work.await, id_here()) }.in_span_infallible(Span::chat())).await;
    assert!(seen.is_some() && seen == own, "{seen:?} {own:?}");
    assert_eq!(id_here(), None);
    let parent = the(capture, SpanName::Chat, Phase::Start);
    let tool = the(capture, SpanName::Tool, Phase::Start);
    assert_eq!(tool.as_event().parent_span_id(), parent.as_event().span_id());
    assert_eq!(request_of(&tool), own.unwrap());
}

async fn tool() -> Option<String> {
    async { id_here() }.in_span_infallible(Span::tool("t", "1")).await
}

fn tool_now() -> Option<String> {
    tool().now_or_never().unwrap()
}

#[tokio::test]
async fn a_spawned_task_carries_the_context() {
    in_chat(&Capture::new(), async { allm_telemetry::spawn(tool()).await.unwrap() }).await;
}

#[tokio::test]
async fn a_span_that_was_built_here_may_be_spawned_by_anybody() {
    let built =
        async { tokio::spawn(async { id_here() }.in_span_infallible(Span::tool("t", "1"))).await.unwrap() };
    in_chat(&Capture::new(), built).await;
}

#[tokio::test]
async fn a_blocking_task_carries_the_context() {
    in_chat(&Capture::new(), async { allm_telemetry::spawn_blocking(tool_now).await.unwrap() }).await;
}

#[tokio::test]
async fn a_local_task_carries_the_context() {
    let local = async { allm_telemetry::spawn_local(tool()).await.unwrap() };
    LocalSet::new().run_until(in_chat(&Capture::new(), local)).await;
}

#[tokio::test]
async fn the_tasks_of_a_join_set_carry_the_context() {
    let async_task = async {
        let mut set = JoinSet::new();
        set.spawn_in_context(tool());
        set.join_next().await.unwrap().unwrap()
    };
    in_chat(&Capture::new(), async_task).await;
    let blocking = async {
        let mut set = JoinSet::new();
        set.spawn_blocking_in_context(tool_now);
        set.join_next().await.unwrap().unwrap()
    };
    in_chat(&Capture::new(), blocking).await;
    let local = async {
        let mut set = JoinSet::new();
        set.spawn_local_in_context(tool());
        set.join_next().await.unwrap().unwrap()
    };
    LocalSet::new().run_until(in_chat(&Capture::new(), local)).await;
}

#[tokio::test]
async fn a_future_and_a_stream_carry_the_context_to_a_foreign_executor() {
    let future = async {
        let carried = tool().in_current_context();
        std::thread::spawn(move || futures::executor::block_on(carried)).join().unwrap()
    };
    in_chat(&Capture::new(), future).await;
    let stream = async {
        let carried = stream::once(tool()).boxed().in_current_context();
        std::thread::spawn(move || futures::executor::block_on(carried.into_future()).0.unwrap())
            .join()
            .unwrap()
    };
    in_chat(&Capture::new(), stream).await;
}

#[tokio::test]
async fn a_closure_carries_the_context_to_a_thread() {
    in_chat(&Capture::new(), async { std::thread::spawn(tool_now.in_current_context()).join().unwrap() })
        .await;
}

#[tokio::test]
async fn a_context_can_be_sent_through_a_channel() {
    let (sender, receiver) = mpsc::channel::<(Context, mpsc::Sender<Option<String>>)>();
    std::thread::spawn(move || {
        receiver.into_iter().for_each(|(context, back)| back.send(context.run(tool_now)).unwrap())
    });
    let sent = async move {
        let (back, answer) = mpsc::channel();
        sender.send((Context::current(), back)).unwrap();
        answer.recv().unwrap()
    };
    in_chat(&Capture::new(), sent).await;
}

#[tokio::test]
async fn what_tokio_spawns_without_us_is_outside() {
    let capture = Capture::new();
    let inside = async { tokio::spawn(async { id_here() }).await.unwrap() };
    assert_eq!(capture.scope(inside.in_span_infallible(Span::chat())).await, None);
}

#[test]
fn spans_work_without_a_runtime() {
    let capture = Capture::new();
    let id = futures::executor::block_on(capture.scope(chat_without_tokio()));
    assert_eq!(request_of(&end_of(&capture, SpanName::Tool)), id);
    assert_eq!(names(&capture), ["chat.start", "tool.start", "tool.stop", "chat.stop"]);
}

async fn chat_without_tokio() -> String {
    async { tool().await.unwrap() }.in_span_infallible(Span::chat()).await
}

#[tokio::test]
async fn the_context_is_gone_between_polls() {
    let capture = Capture::new();
    let mut chat = Box::pin(capture.run(|| steady_id().in_span_infallible(Span::chat())));
    let mut tokens = capture.run(|| stream::pending::<u8>().in_span_infallible(Span::stream()));
    for _ in 0..3 {
        assert!(poll_once(&mut chat).is_pending() && poll_next(&mut tokens).is_pending());
        assert_eq!(id_here(), None);
    }
}

#[tokio::test]
async fn the_context_is_gone_after_a_panic() {
    let capture = Capture::new();
    let mut chat = Box::pin(capture.run(|| async { lost::<()>() }.in_span_infallible(Span::chat())));
    panic_text(|| poll_once(&mut chat));
    assert_eq!(id_here(), None);
    let mut scoped = Box::pin(capture.scope(async { lost::<()>() }));
    panic_text(|| poll_once(&mut scoped));
    panic_text(|| capture.run(lost::<()>));
    assert!(Context::current().request_id().is_none());
    tool().await;
    assert!(capture.named("allm.tool.start").is_empty());
}

#[tokio::test]
async fn what_is_wrapped_is_dropped_in_its_context() {
    let (capture, seen) = (Capture::new(), Arc::new(Mutex::new(Vec::new())));
    let look = || {
        let seen = seen.clone();
        OnDrop(move || seen.lock().unwrap().push(id_here()))
    };
    let (a, b, c) = (look(), look(), look());
    let ready = async move { drop(a) }.in_span_infallible(Span::chat());
    let cancelled = async move { (pending::<()>().await, drop(b)) }.in_span_infallible(Span::step());
    let tokens = stream::pending::<u8>().map(move |item| (item, &c as *const _ as usize));
    capture.scope(ready).await;
    capture.scope(cancelled).now_or_never();
    drop(capture.run(|| tokens.in_span_infallible(Span::stream())));
    let expected = [SpanName::Chat, SpanName::Step, SpanName::Stream]
        .map(|name| Some(request_of(&end_of(&capture, name))));
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn what_was_never_polled_is_dropped_in_the_context_that_was_captured() {
    let (capture, seen) = (Capture::new(), Arc::new(Mutex::new(None)));
    let (built, id) = capture
        .scope(
            async {
                let seen = seen.clone();
                let guard = OnDrop(move || *seen.lock().unwrap() = id_here());
                (async move { drop(guard) }.in_span_infallible(Span::tool("t", "1")), id_here())
            }
            .in_span_infallible(Span::chat()),
        )
        .await;
    drop(built);
    assert_eq!(*seen.lock().unwrap(), id);
}

#[tokio::test]
async fn what_a_carried_closure_holds_is_dropped_in_its_context_though_it_never_ran() {
    let (capture, seen) = (Capture::new(), Arc::new(Mutex::new(None)));
    let (carried, id) = capture
        .scope(
            async {
                let seen = seen.clone();
                let guard = OnDrop(move || *seen.lock().unwrap() = id_here());
                ((move || drop(guard)).in_current_context(), id_here())
            }
            .in_span_infallible(Span::chat()),
        )
        .await;
    drop(carried);
    assert_eq!(*seen.lock().unwrap(), id);
}

#[tokio::test]
async fn a_stream_that_carries_a_context_is_as_long_as_it_was_and_ends_once() {
    use futures::stream::{FusedStream as _, Stream as _};
    let mut carried = stream::iter([1, 2]).in_current_context();
    assert_eq!((carried.size_hint(), carried.is_terminated()), ((2, Some(2)), false));
    assert_eq!(carried.next().await, Some(1));
    assert_eq!((carried.size_hint(), carried.is_terminated()), ((1, Some(1)), false));
    assert_eq!((carried.next().await, carried.next().await), (Some(2), None));
    assert_eq!((carried.size_hint(), carried.is_terminated()), ((0, Some(0)), true));
    assert_eq!(carried.next().await, None);
}
