//! What agents do.

use std::time::Duration;

use allm_telemetry::{Span, Usage, adapter_retry, prelude::*};
use futures::{StreamExt as _, stream};

use crate::screen::{id, wait};

/// A chat of two steps: a retried stream, two tools beside each other, and an answer.
pub(crate) async fn agent(request: &'static str) {
    async {
        async {
            reply(310, true).await;
            tokio::join!(tool("search", 900), tool("weather", 400));
        }
        .in_span_infallible(Span::step())
        .await;
        reply(280, false).in_span_infallible(Span::step()).await;
    }
    .in_span_infallible(Span::chat().request_id(id(request)))
    .await;
}

/// A tool that fails if it takes long.
pub(crate) async fn tool(name: &'static str, milliseconds: u64) {
    let work = async {
        wait(milliseconds).await;
        if milliseconds > 500 { Err(std::io::Error::other("the secret host is down")) } else { Ok(()) }
    };
    let span = Span::tool(name, "call_1").error_type(|_: &std::io::Error| "host_down");
    let _ = work.in_span(span).await;
}

/// A stream of three chunks, the last with usage.
pub(crate) async fn reply(first: u64, retried: bool) {
    let chunks = async move {
        if retried {
            adapter_retry(1, Duration::from_millis(250), "the secret limit");
            wait(250).await;
        }
        stream::iter(0..3_u64).then(move |number| async move {
            wait(if number == 0 { first } else { 200 }).await;
            number
        })
    };
    let span = Span::stream().engine("openai").model("gpt-5").observe(|number: &u64, record| {
        if *number == 2 {
            record.usage(Usage::new().input(812).cached(600).output(96));
        }
    });
    let chunks = span.open_infallible(chunks).await;
    chunks.collect::<Vec<_>>().await;
}
