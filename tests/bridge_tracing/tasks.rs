//! Other tasks and threads: what carries our context is inside the span there too, until the span has ended.

use std::sync::mpsc;

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::{Context, prelude::*};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tracing::info;

use crate::recorded;

fn tool() -> impl Future<Output = ()> {
    async { info!("searching") }.in_span_infallible(Span::tool("search", "1"))
}

const TOOL_IN_CHAT: [&str; 5] = [
    "new chat in nothing",
    "event working in chat",
    "new tool in chat",
    "event searching in tool < chat",
    "close tool",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawned_task_is_inside_the_span_and_what_it_calls_too() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let work = async {
        yield_now().await;
        info!("working");
        tool().await;
    };
    telemetry
        .scope(async { allm_telemetry::spawn(work).await.unwrap() }.in_span_infallible(Span::chat()))
        .await;
    assert_eq!(recorder.story(), [&TOOL_IN_CHAT[..], &["close chat"]].concat());
}

#[tokio::test]
async fn a_blocking_thread_is_inside_the_span() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let blocking = || {
        info!("working");
        futures::executor::block_on(tool());
    };
    let chat = async { allm_telemetry::spawn_blocking(blocking).await.unwrap() };
    telemetry.scope(chat.in_span_infallible(Span::chat())).await;
    assert_eq!(recorder.story(), [&TOOL_IN_CHAT[..], &["close chat"]].concat());
}

#[tokio::test]
async fn futures_and_closures_that_carry_the_context_are_inside_the_span_on_any_thread() {
    for as_handle in [false, true] {
        let (telemetry, recorder, _guard) = recorded(Tracing::new());
        let work = || {
            info!("working");
            futures::executor::block_on(tool());
        };
        let chat = async {
            let here = Context::current();
            let carried = work.in_current_context();
            let thread = std::thread::spawn(move || if as_handle { here.run(work) } else { carried() });
            thread.join().unwrap();
        };
        telemetry.scope(chat.in_span_infallible(Span::chat())).await;
        assert_eq!(recorder.story(), [&TOOL_IN_CHAT[..], &["close chat"]].concat());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_that_is_built_in_a_chat_and_spawned_by_other_means_is_its_child() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let chat = async {
        info!("working");
        tokio::spawn(tool()).await.unwrap();
    };
    telemetry.scope(chat.in_span_infallible(Span::chat())).await;
    assert_eq!(recorder.story(), [&TOOL_IN_CHAT[..], &["close chat"]].concat());
}

#[tokio::test]
async fn a_background_task_does_not_enter_a_span_that_has_ended() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let (end, ended) = oneshot::channel::<()>();
    let background = async {
        info!("early");
        ended.await.unwrap();
        info!("late");
        tool().await;
    };
    let chat = async {
        let task = allm_telemetry::spawn(background);
        yield_now().await;
        task
    };
    let task = telemetry.scope(chat.in_span_infallible(Span::chat())).await;
    end.send(()).unwrap();
    task.await.unwrap();
    let expected = [
        "new chat in nothing",
        "event early in chat",
        "close chat",
        "event late in nothing",
        "new tool in nothing",
        "event searching in tool",
        "close tool",
    ];
    assert_eq!(recorder.story(), expected);
}

#[tokio::test]
async fn who_is_inside_when_the_span_ends_keeps_it_open_until_it_leaves() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let (inside, is_inside) = oneshot::channel();
    let (let_go, go) = mpsc::channel::<()>();
    let blocking = move || {
        inside.send(()).unwrap();
        go.recv().unwrap();
        info!("still inside");
        futures::executor::block_on(tool());
    };
    let (late, is_late) = oneshot::channel::<()>();
    let chat = async {
        let task = allm_telemetry::spawn_blocking(blocking);
        is_inside.await.unwrap();
        // Comes when the span has ended, and may not enter though it is open.
        (task, allm_telemetry::spawn(async { is_late.await.map(|()| info!("outside")).unwrap() }))
    };
    let (task, outside) = telemetry.scope(chat.in_span_infallible(Span::chat())).await;
    assert_eq!(recorder.the("chat")["allm.outcome"], "completed");
    assert_eq!(recorder.story(), ["new chat in nothing"]);
    late.send(()).unwrap();
    outside.await.unwrap();
    let_go.send(()).unwrap();
    task.await.unwrap();
    let expected = [
        "event outside in nothing",
        "event still inside in chat",
        "new tool in chat",
        "event searching in tool < chat",
    ];
    assert_eq!(recorder.story()[1..], [&expected[..], &["close tool", "close chat"]].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_that_end_while_their_tasks_run_close_each_span_once_and_harm_nobody() {
    const CALLS: usize = 500;
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let background = || async {
        for _ in 0..4 {
            yield_now().await;
            tool().await;
        }
    };
    let call = || async {
        let tasks = [allm_telemetry::spawn(background()), allm_telemetry::spawn(background())];
        yield_now().await;
        tasks
    };
    for _ in 0..CALLS {
        for task in telemetry.scope(call().in_span_infallible(Span::chat())).await {
            task.await.unwrap();
        }
    }
    let count = |line: &str| recorder.log().iter().filter(|it| it.starts_with(line)).count();
    assert_eq!((count("new chat"), count("close chat")), (CALLS, CALLS));
    assert_eq!((count("new tool"), count("close tool")), (8 * CALLS, 8 * CALLS));
    assert_eq!(count("enter"), count("leave"));
    assert!(telemetry.detach("tracing").is_ok(), "it did not fail");
}
