//! A dropped stream is counted once, however spans nest.

use allm_telemetry::prelude::*;
use futures::{Stream, StreamExt as _, stream};

use crate::recorded::Recorded;
use crate::support::{Answer, paced, pause};

type Items = stream::BoxStream<'static, Answer<u8>>;

/// A stream that never ends.
async fn call() -> Answer<Items> {
    Ok(paced([(10, Ok(1)), (10, Ok(2))]).chain(stream::pending()).boxed())
}

/// Reads an item, then leaves; gives the drops that were counted, as `span number`.
async fn left<St: Stream>(opening: impl Future<Output = Answer<St>>) -> Vec<String> {
    let recorded = Recorded::new();
    recorded
        .telemetry
        .scope(async {
            let mut items = Box::pin(opening.await.unwrap());
            items.next().await.unwrap();
            drop(items);
            // For what is dropped in another task.
            pause(100).await;
        })
        .await;
    drops(&recorded)
}

fn drops(recorded: &Recorded) -> Vec<String> {
    let short = |line: String| {
        let (labels, number) = line.rsplit_once(' ').unwrap();
        let span = labels.split(['=', ' ', '}']).nth(1).unwrap();
        format!("{span} {number}")
    };
    recorded.of("allm.stream.dropped.total").into_iter().map(short).collect()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_disconnects_from_a_chat_is_counted_once_for_the_call_inside() {
    let opening = async { Span::chat().open(async { Span::stream().open(call()).await }).await };
    assert_eq!(left(opening).await, ["stream 1"]);
}

#[tokio::test(start_paused = true)]
async fn every_span_that_is_no_call_leaves_the_drop_to_the_call_inside() {
    let opening = async {
        let step = async { Span::step().open(async { Span::stream().open(call()).await }).await };
        Span::chat().open(async { Span::tool("draft", "call_1").open(step).await }).await
    };
    assert_eq!(left(opening).await, ["stream 1"]);
    // Without a call inside, it is the innermost.
    let opening = async { Span::chat().open(async { Span::step().open(call()).await }).await };
    assert_eq!(left(opening).await, ["step 1"]);
}

#[tokio::test(start_paused = true)]
async fn the_same_call_observed_twice_was_dropped_once_and_another_call_on_its_own() {
    let opening = async { Span::generate().open(async { Span::stream().open(call()).await }).await };
    assert_eq!(left(opening).await, ["stream 1"]);
    let opening = async { Span::synthesize(5).open(async { Span::stream().open(call()).await }).await };
    assert_eq!(left(opening).await, ["stream 1", "synthesize 1"]);
}

#[tokio::test(start_paused = true)]
async fn each_of_the_calls_that_a_chat_merges_was_dropped() {
    let opening = async {
        let both = async {
            let (one, two) = (Span::stream().open(call()).await?, Span::stream().open(call()).await?);
            Answer::Ok(stream::select(one, two))
        };
        Span::chat().open(both).await
    };
    assert_eq!(left(opening).await, ["stream 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_later_because_its_chat_was_is_not_counted_again() {
    let opening = async {
        let forwarded = async {
            let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
            let forward = async move {
                let mut items = Span::stream().open(call()).await.unwrap();
                while let Some(item) = items.next().await {
                    // Nobody receives it once the chat was dropped, and so is the call.
                    if sender.send(item).await.is_err() {
                        break;
                    }
                }
            };
            allm_telemetry::spawn(forward);
            Answer::Ok(stream::poll_fn(move |cx| receiver.poll_recv(cx)))
        };
        Span::chat().open(forwarded).await
    };
    assert_eq!(left(opening).await, ["chat 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_read_to_its_end_leaves_the_drop_to_the_chat() {
    let opening = async {
        let items = async {
            let mut items = Span::stream().open(async { Answer::Ok(paced([(10, Answer::Ok(1))])) }).await?;
            let first = items.next().await;
            assert!(items.next().await.is_none());
            Answer::Ok(stream::iter(first).chain(stream::pending()))
        };
        Span::chat().open(items).await
    };
    assert_eq!(left(opening).await, ["chat 1"]);
}
