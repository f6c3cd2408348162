//! The Rust code of the README compiles and runs as it stands there.

use std::collections::HashSet;
use std::io;

use futures::{StreamExt, stream};
use serde_json::Value;

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

    // Once, at the start: who listens. `_log` must live to the end of `main`: dropping it flushes and detaches,
    // and `let _ =` drops it at once.
    let _log = JsonLines::to_file("events.jsonl")?.attach("log", &Telemetry::global())?;

    // The outermost call makes the request id: all that it wraps has the same one.
    let hits = async {
        // A future of `Result`, with any client.
        let reply = client.chat().create(request)
            .in_span(Span::generate().model("gpt-5"))
            .await?;
        let Reply = reply;
        let request = Request;

        // A stream: one span from the request until the last token, or until the reader stops.
        // `tokens.next()` needs `futures::StreamExt`.
        let mut tokens = Span::stream().model("gpt-5")
            .on_chunk(|chunk: &Chunk, record| if let Some(usage) = &chunk.usage { record.usage(usage_of(usage)) })
            .open(client.chat().create_stream(request))
            .await?;
        while let Some(token) = tokens.next().await {
            token?;
        }

        // A tool on another task keeps the request id and its place in the tree.
        let hits = allm_telemetry::spawn(search(query).in_span(Span::tool("search", "call_1"))).await??;
        Ok::<_, Box<dyn std::error::Error>>(hits)
    }
    .in_span(Span::chat().engine("async-openai"))
    .await?;
    assert_eq!(hits, 7);

    drop(_log);
    holds_the_calls_of_one_request(&std::fs::read_to_string("events.jsonl")?);
    Ok(())
}

fn holds_the_calls_of_one_request(log: &str) {
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let one = |name: &str| {
        let named: Vec<&Value> = events.iter().filter(|event| event["event"] == name).collect();
        let [event] = named[..] else { panic!("{} of {name} in {log}", named.len()) };
        event
    };
    let chat = &one("allm.chat.start")["metadata"];
    for call in ["chat", "generate", "stream", "tool"] {
        let stop = &one(&format!("allm.{call}.stop"))["metadata"];
        assert_eq!(
            (&stop["outcome"], &stop["engine"]),
            (&"completed".into(), &"async-openai".into()),
            "{log}"
        );
        assert_eq!(stop["parent_span_id"] == chat["span_id"], call != "chat", "{log}");
    }
    assert_eq!(one("allm.stream.stop")["metadata"]["usage"]["output_tokens"], 4, "{log}");
    let ids: HashSet<&str> =
        events.iter().filter_map(|event| event["metadata"]["request_id"].as_str()).collect();
    assert_eq!((events.len(), ids.len()), (9, 1), "{log}");
    let line = log.lines().find(|line| line.contains("allm.tool.stop")).unwrap();
    assert_eq!(shape(block("json")), shape(line));
}

/// The README's block of code in this language.
fn block(language: &str) -> &'static str {
    let after = README.split(&format!("```{language}\n")).nth(1);
    after.and_then(|rest| rest.split("```").next()).unwrap().trim_end()
}

/// A line of the log, of ids and numbers no more than their keys: they are others each time.
fn shape(line: &str) -> String {
    let differs = |key: &str| ["_id\"", "_time\"", "duration\""].iter().any(|end| key.ends_with(end));
    let fields = line.split(',').map(|field| match field.rsplit_once(':') {
        Some((key, _)) if differs(key) && !key.ends_with("call_id\"") => key,
        _ => field,
    });
    fields.collect::<Vec<_>>().join(",")
}

#[test]
fn this_file_holds_every_line_of_the_readmes_code_in_its_order() {
    let mut here = include_str!("readme.rs").lines().map(str::trim);
    for line in block("rust").lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert!(here.any(|other| other == line), "the README says this, and this file does not: {line}");
    }
    assert_eq!(README.matches("```rust").count(), 1, "another block of Rust needs another test");
}
