//! What is measured of a token stream, and what if it is dropped half-way?
//!
//! `cargo run --example stream`

use std::convert::Infallible;
use std::time::Duration;

use allm_telemetry::{attach_many, event::Phase, prelude::*};
use futures::{Stream, StreamExt, stream};
use tokio::time::sleep;

/// Stands for the streaming call of any client: a future of a `Result` of a stream of `Result` items.
async fn tokens() -> Result<impl Stream<Item = Result<&'static str, Infallible>>, Infallible> {
    sleep(Duration::from_millis(150)).await;
    Ok(stream::iter(["Once ", "upon ", "a ", "time"]).then(|token| async move {
        sleep(Duration::from_millis(30)).await;
        Ok(token)
    }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = allm_telemetry::init()?;
    let ends = [SpanName::Stream.event(Phase::FirstChunk), SpanName::Stream.event(Phase::Stop)];
    attach_many("log", ends, |event: &Event<'_>| println!("{event}"))?;

    // With `open`, the span includes the request, so the time to the first chunk is how long the user waited.
    let story = Span::stream().model("teller-1").open(tokens()).await?;
    let words: Vec<_> = story.collect().await;
    println!("read all {} tokens: completed\n", words.len());

    let mut story = Box::pin(Span::stream().model("teller-1").open(tokens()).await?);
    let first = story.next().await;
    drop(story);
    println!("read {first:?} and dropped the stream: dropped, not completed");
    let report = allm_telemetry::shutdown(Duration::from_secs(5)).await;
    assert!(report.is_complete(), "{report}");
    Ok(())
}
