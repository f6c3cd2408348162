//! The Rust code of the README compiles and runs as it stands there.

use std::io;

use futures::{StreamExt, stream};

const README: &str = include_str!("../README.md");

struct Client;
struct Chat;
struct Request;
struct Reply;

struct Chunk {
    usage: Option<u64>,
}

impl Client {
    fn chat(&self) -> Chat {
        Chat
    }
}

type Chunks = stream::Iter<std::vec::IntoIter<Result<Chunk, io::Error>>>;

impl Chat {
    async fn create(&self, _request: Request) -> Result<Reply, io::Error> {
        Ok(Reply)
    }

    async fn create_stream(&self, _request: Request) -> Result<Chunks, io::Error> {
        Ok(stream::iter(vec![Ok(Chunk { usage: None }), Ok(Chunk { usage: Some(4) })]))
    }
}

fn usage_of(output_tokens: &u64) -> Usage {
    Usage::new().output(*output_tokens)
}

async fn search(_query: &str) -> Result<u32, io::Error> {
    Ok(7)
}

use allm_telemetry::{Telemetry, bridge::json_lines::JsonLines, prelude::*};

#[tokio::test]
#[rustfmt::skip]
async fn the_code_of_the_readme_logs_each_of_its_calls() -> Result<(), Box<dyn std::error::Error>> {
    std::env::set_current_dir(env!("CARGO_TARGET_TMPDIR"))?;
    let _ = std::fs::remove_file("events.jsonl");
    let (client, query) = (Client, "ports near Lisbon");
    let request = Request;

    // Once, at the start: who listens.
    let _log = JsonLines::to_file("events.jsonl")?.attach("log", &Telemetry::global())?;

    // A future of `Result`, with any client.
    let reply = client.chat().create(request)
        .in_span(Span::generate().engine("async-openai").model("gpt-5"))
        .await?;
    let Reply = reply;
    let request = Request;

    // A stream: one span from the request to the last token, however its reader leaves.
    let mut tokens = Span::stream().engine("async-openai").model("gpt-5")
        .on_chunk(|chunk: &Chunk, record| if let Some(usage) = &chunk.usage { record.usage(usage_of(usage)) })
        .open(client.chat().create_stream(request))
        .await?;
    while let Some(token) = tokens.next().await {
        token?;
    }

    // A tool on another task keeps the request id and its place in the tree.
    let hits = allm_telemetry::spawn(search(query).in_span(Span::tool("search", "call_1"))).await??;
    assert_eq!(hits, 7);

    drop(_log);
    let log = std::fs::read_to_string("events.jsonl")?;
    let lines_of = |event: &str| log.matches(&format!("{{\"event\":\"allm.{event}\"")).count();
    assert_eq!(["generate.stop", "stream.stop", "tool.stop"].map(lines_of), [1, 1, 1]);
    assert!(log.contains("\"output_tokens\":4"), "{log}");
    Ok(())
}

#[test]
fn this_file_holds_every_line_of_the_readmes_code_in_its_order() {
    let block = README.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let mut here = include_str!("readme.rs").lines().map(str::trim);
    for line in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(here.any(|other| other == line), "the README says this, and this file does not: {line}");
    }
    assert_eq!(README.matches("```rust").count(), 1, "another block of Rust needs another test");
}
