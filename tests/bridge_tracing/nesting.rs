//! What is logged inside a span stands in it, on every poll and in the drop, and in no other.

use std::future::pending;

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::prelude::*;
use futures::stream::FuturesUnordered;
use futures::{StreamExt as _, stream};
use tokio::task::yield_now;
use tracing::{Instrument as _, info, info_span};

use crate::recorded;
use crate::support::*;

/// Logs, waits a turn and logs again.
async fn talk(before: &str, after: &str) {
    info!("{before}");
    yield_now().await;
    info!("{after}");
}

#[tokio::test]
async fn what_is_logged_in_any_poll_and_in_the_drop_stands_in_the_span() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let gone = OnDrop(|| info!("dropped"));
    let work = async move {
        talk("first", "second").await;
        pending::<()>().await;
        drop(gone);
    };
    let mut chat = Box::pin(telemetry.run(|| work.in_span_infallible(Span::chat())));
    let _ = (poll_once(&mut chat), poll_once(&mut chat));
    info!("between");
    drop(chat);
    let expected = [
        "new chat in nothing",
        "event first in chat",
        "event second in chat",
        "event between in nothing",
        "event dropped in chat",
        "close chat",
    ];
    assert_eq!(recorder.story(), expected);
}

#[tokio::test]
async fn a_span_is_entered_for_each_poll_and_left_again() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    telemetry.scope(talk("one", "two").in_span_infallible(Span::chat())).await;
    let log = recorder.log();
    let enters = log.iter().filter(|line| *line == "enter chat").count();
    assert!(enters >= 3, "two polls and the end: {log:?}");
    let entered = log.iter().position(|line| line == "enter chat").unwrap();
    assert_eq!(log[entered..entered + 4], ["enter chat", "event one in chat", "leave chat", "enter chat"]);
}

#[tokio::test]
async fn each_chunk_of_a_stream_is_made_inside_its_span_and_read_outside() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let chunks = stream::iter([1, 2]).inspect(|chunk| info!("made {chunk}"));
    let mut chunks = telemetry.run(|| chunks.in_span_infallible(Span::stream()));
    while let Some(chunk) = chunks.next().await {
        info!("read {chunk}");
    }
    let expected = [
        "new stream in nothing",
        "event made 1 in stream",
        "event allm.stream.first_chunk in stream",
        "event read 1 in nothing",
        "event made 2 in stream",
        "event read 2 in nothing",
        "close stream",
    ];
    assert_eq!(recorder.story(), expected);
}

#[tokio::test]
async fn a_stream_that_is_opened_is_one_span_from_the_request_to_the_last_chunk() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let request = async {
        info!("request");
        Answer::Ok(stream::iter([Answer::Ok(1)]).inspect(|_| info!("chunk")))
    };
    let opened = telemetry.run(|| Span::stream().open(request));
    assert_eq!(opened.await.unwrap().count().await, 1);
    let expected = [
        "new stream in nothing",
        "event request in stream",
        "event chunk in stream",
        "event allm.stream.first_chunk in stream",
        "close stream",
    ];
    assert_eq!(recorder.story(), expected);
}

/// Two neighbours in a chat, each of which logs what begins with its own name.
async fn neighbours<F: Future<Output = ()>>(together: impl FnOnce(Spans) -> F) -> Vec<String> {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let chat = async {
        let tool = talk("tool 1", "tool 2").in_span_infallible(Span::tool("t", "1"));
        let call = talk("generate 1", "generate 2").in_span_infallible(Span::generate());
        together([Box::pin(tool), Box::pin(call)]).await;
        info!("chat after");
    };
    telemetry.scope(chat.in_span_infallible(Span::chat())).await;
    let mut story = recorder.story();
    story.retain(|line| line.starts_with("event"));
    story
}

type Spans = [std::pin::Pin<Box<dyn Future<Output = ()>>>; 2];

#[tokio::test]
async fn neighbours_do_not_leak_into_each_other() {
    let joined = neighbours(|[a, b]| async { ((), ()) = tokio::join!(a, b) }).await;
    let unordered =
        neighbours(|both| both.into_iter().collect::<FuturesUnordered<_>>().collect::<()>()).await;
    for story in [&joined, &unordered] {
        assert_eq!(story.len(), 5, "{story:?}");
        for line in &story[..4] {
            let own = if line.contains("tool") { "in tool < chat" } else { "in generate < chat" };
            assert!(line.ends_with(own), "{line}");
        }
        assert_eq!(story[4], "event chat after in chat");
    }
}

#[tokio::test]
async fn who_loses_a_select_is_dropped_in_its_own_span() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let chat = async {
        let gone = OnDrop(|| info!("gone"));
        let loser =
            async move { (pending::<()>().await, drop(gone)).1 }.in_span_infallible(Span::tool("t", "1"));
        let winner = talk("a", "b").in_span_infallible(Span::generate());
        tokio::select! { () = loser => {}, () = winner => {} }
    };
    telemetry.scope(chat.in_span_infallible(Span::chat())).await;
    assert!(recorder.story().contains(&"event gone in tool < chat".to_owned()), "{:?}", recorder.story());
    assert_eq!(recorder.the("tool")["allm.outcome"], "cancelled");
}

#[tokio::test]
async fn a_span_of_the_users_between_a_chat_and_a_tool_is_the_tools_parent() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let tool = async { async {}.in_span_infallible(Span::tool("t", "1")).await };
    let chat = async { tool.instrument(info_span!("planning")).await };
    telemetry.scope(chat.in_span_infallible(Span::chat())).await;
    assert_eq!(
        recorder.story()[..3],
        ["new chat in nothing", "new planning in chat", "new tool in planning"]
    );
}

#[tokio::test]
async fn a_servers_span_in_front_is_the_parent() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let serve = async { async {}.in_span_infallible(Span::chat()).await };
    telemetry.scope(serve.instrument(info_span!("request"))).await;
    // What is built outside and polled inside finds its parent too.
    telemetry.scope(async {}.in_span_infallible(Span::step()).instrument(info_span!("chain"))).await;
    let news: Vec<_> = recorder.story().into_iter().filter(|line| line.starts_with("new")).collect();
    assert_eq!(
        news,
        ["new request in nothing", "new chat in request", "new chain in nothing", "new step in chain"]
    );
}

#[tokio::test]
async fn spans_of_a_postfix_chain_nest_as_they_read() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let call =
        async { info!("asking") }.in_span_infallible(Span::generate()).in_span_infallible(Span::chat());
    telemetry.scope(call).await;
    assert_eq!(
        recorder.story()[..3],
        ["new chat in nothing", "new generate in chat", "event asking in generate < chat"]
    );
}

#[test]
fn a_span_that_is_driven_by_hand_is_entered_while_it_works() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let mut span = telemetry.run(|| Span::generate().start());
    span.enter(|| info!("inside"));
    info!("outside");
    span.complete();
    let expected =
        ["new generate in nothing", "event inside in generate", "event outside in nothing", "close generate"];
    assert_eq!(recorder.story(), expected);
}
