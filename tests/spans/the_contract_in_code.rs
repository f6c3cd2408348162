//! How user code reads: the examples of the contract compile and run as they stand.

use std::io;

use allm_telemetry::{
    Span, SpanName,
    event::{Measurements, Metadata},
    prelude::*,
};
use futures::{StreamExt, stream};

struct Reply {
    tokens: u64,
}

struct Chunk {
    usage: Option<Tokens>,
}

#[derive(Clone, Copy)]
struct Tokens(u64);

impl From<&Tokens> for Usage {
    fn from(tokens: &Tokens) -> Self {
        Usage::new().output(tokens.0)
    }
}

fn usage_of(reply: &Reply) -> Usage {
    Usage::new().output(reply.tokens)
}

async fn create() -> Result<Reply, io::Error> {
    Ok(Reply { tokens: 3 })
}

type Chunks = stream::Iter<std::vec::IntoIter<Result<Chunk, io::Error>>>;

async fn create_stream() -> Result<Chunks, io::Error> {
    Ok(stream::iter(vec![Ok(Chunk { usage: None }), Ok(Chunk { usage: Some(Tokens(4)) })]))
}

async fn search(_query: &'static str) -> Result<u32, io::Error> {
    Ok(7)
}

#[tokio::test]
async fn a_future_a_stream_and_a_task_are_wrapped_in_one_line() -> Result<(), Box<dyn std::error::Error>> {
    let capture = allm_telemetry::testing::Capture::new();
    let work = async {
        let reply = create()
            .in_span(
                Span::generate()
                    .engine("openai")
                    .model("gpt-5")
                    .observe(|reply: &Reply, stop| stop.usage(usage_of(reply))),
            )
            .await?;
        let mut tokens = Span::stream()
            .model("gpt-5")
            .observe(|chunk: &Chunk, seen| {
                if let Some(u) = &chunk.usage {
                    seen.usage(u.into())
                }
            })
            .open(create_stream())
            .await?;
        while let Some(token) = tokens.next().await {
            token?;
        }
        async {
            let hits = allm_telemetry::spawn(search("q").in_span(Span::tool("search", "call_1"))).await;
            assert_eq!(hits.unwrap().unwrap(), 7);
        }
        .in_span_infallible(Span::chat())
        .await;
        Ok::<_, io::Error>(reply.tokens)
    };
    assert_eq!(capture.scope(work).await?, 3);
    capture.assert_balanced();
    let stop = &capture.named("allm.stream.stop")[0];
    assert_eq!(stop.as_event().usage(), Some(&Usage::new().output(4)));
    Ok(())
}

#[tokio::test]
async fn the_closure_contract_takes_two_parts_or_three() {
    let start_metadata = Metadata::new().with("n", 2);
    let stop_extras = Metadata::new().with("note", "two cats");
    let images =
        allm_telemetry::span(SpanName::Image, start_metadata.clone(), async { (2, stop_extras.clone()) })
            .await;
    let more = allm_telemetry::span(SpanName::Image, start_metadata, async {
        (images + 1, Measurements::new().with("image_count", 3), stop_extras.clone())
    });
    assert_eq!(more.await, 3);
}

#[test]
fn a_handler_is_attached_in_one_line() {
    let log = |event: &Event<'_>| println!("{event}");
    allm_telemetry::attach_many("log", SpanName::Generate.events(), log).unwrap();
    allm_telemetry::detach("log").unwrap();
}
