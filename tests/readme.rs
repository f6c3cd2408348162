//! The Rust code of the README compiles and runs as it stands there, and what it says of others is shown.

#[path = "readme/by_hand.rs"]
mod by_hand;
#[allow(dead_code, reason = "each test crate uses a part of it")]
#[path = "support/own_process.rs"]
mod own_process;

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::own_process::{in_its_own_process, in_its_own_process_with};

const README: &str = include_str!("../README.md");

struct Client;
struct Chat;
struct Request;

impl Client {
    fn chat(&self) -> Chat {
        Chat
    }
}

type Chunks = stream::Iter<std::vec::IntoIter<Result<Chunk, io::Error>>>;

impl Chat {
    async fn create(&self, _request: Request) -> Result<Reply, io::Error> {
        Ok(serde_json::from_value(answer("chat.completion", &json!([]), &usage(3, 2)))?)
    }

    async fn create_stream(&self, _request: Request) -> Result<Chunks, io::Error> {
        let finish = json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]);
        let chunks = [(finish, Value::Null), (json!([]), usage(5, 4))];
        let chunk = |(choices, usage)| answer("chat.completion.chunk", &choices, &usage);
        let chunks = chunks.map(|parts| Ok(serde_json::from_value(chunk(parts))?));
        Ok(stream::iter(Vec::from(chunks)))
    }
}

fn answer(object: &str, choices: &Value, usage: &Value) -> Value {
    let (id, model) = ("chatcmpl-1", "gpt-5");
    json!({ "id": id, "object": object, "created": 1, "model": model, "choices": choices, "usage": usage })
}

fn usage(input: u32, output: u32) -> Value {
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output })
}

async fn search(_query: &str) -> Result<u32, io::Error> {
    Ok(7)
}

use allm_telemetry::prelude::*;
use async_openai::types::chat::{
    CompletionUsage, CreateChatCompletionResponse as Reply, CreateChatCompletionStreamResponse as Chunk,
};

fn usage_of(usage: &CompletionUsage) -> Usage {
    Usage::new().input(usage.prompt_tokens).output(usage.completion_tokens)
}

#[tokio::main]
#[rustfmt::skip]
async fn the_code_of_the_readme() -> Result<(), Box<dyn std::error::Error>> {
    let (client, query) = (Client, "ports near Lisbon");
    let (request, stream_request) = (Request, Request);

    // At startup, attach exporters as the environment says. Keep the guard until the end of `main`: `let _ = …` drops it
    // immediately, which detaches them.
    let _telemetry = allm_telemetry::init()?;

    // The outermost span creates a request id. Every span inside has the same one, and the same baggage.
    let hits = async {
        // A future of `Result`, from any client. The closure records the tokens.
        let reply = client.chat().create(request)
            .in_span(Span::generate().model("gpt-5").observe(|reply: &Reply, record| {
                if let Some(usage) = &reply.usage { record.usage(usage_of(usage)) }
            }))
            .await?;
        assert!(reply.usage.is_some());

        // A stream: one span from the request until the stream ends or is dropped. OpenAI sends the usage of a stream only if
        // the request has `stream_options.include_usage`. If the stream ends without a finish reason, that is an error.
        let mut tokens = Span::stream().model("gpt-5").expects_finish()
            .observe(|chunk: &Chunk, record| {
                if chunk.choices.iter().any(|choice| choice.finish_reason.is_some()) { record.finished() }
                if let Some(usage) = &chunk.usage { record.usage(usage_of(usage)) }
            })
            .open(client.chat().create_stream(stream_request))
            .await?;
        // Not `Unpin`? `let mut tokens = std::pin::pin!(tokens);`
        while let Some(token) = tokens.next().await { // `futures::StreamExt`
            token?;
        }

        // A tool on another task. `spawn` wraps `tokio::spawn` and propagates the request id, the baggage and the parent span.
        let hits = allm_telemetry::spawn(search(query).in_span(Span::tool("search", "call_1"))).await??;
        Ok::<_, Box<dyn std::error::Error>>(hits)
    }
    .in_span(Span::chat().engine("async-openai").baggage("user_id", "u-1"))
    .await?;
    assert_eq!(hits, 7);

    // At the end of `main`, wait until no span is open, for ten seconds at most, and write what is queued. Under
    // `#[tokio::main]`, calls on tasks that are still running would otherwise have no end in the log.
    let report = allm_telemetry::shutdown(Duration::from_secs(10)).await;
    if !report.is_complete() {
        eprintln!("{report}");
    }
    Ok(())
}

#[test]
fn the_code_of_the_readme_logs_each_of_its_calls() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme.jsonl");
    let _ = std::fs::remove_file(&file);
    let log = format!("json:{}", file.display());
    let output = in_its_own_process_with(&[("ALLM_LOG", &log)], || the_code_of_the_readme().unwrap());
    if let Some(output) = output {
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        holds_the_calls_of_one_request(&std::fs::read_to_string(&file).unwrap());
    }
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
    for (call, input, output) in [("generate", 3, 2), ("stream", 5, 4)] {
        let stop = &one(&format!("allm.{call}.stop"))["metadata"];
        let usage = &stop["usage"];
        assert_eq!(
            (&usage["input_tokens"], &usage["output_tokens"]),
            (&input.into(), &output.into()),
            "{log}"
        );
        assert_eq!(stop["usage_status"], "reported", "{log}");
    }
    assert!(!log.contains("user_id"), "without a policy: {log}");
    let ids: HashSet<&str> =
        events.iter().filter_map(|event| event["metadata"]["request_id"].as_str()).collect();
    assert_eq!((events.len(), ids.len()), (9, 1), "{log}");
    let line = log.lines().find(|line| line.contains("allm.tool.stop")).unwrap();
    assert_eq!(shape(blocks("json").next().unwrap()), shape(line));
}

use allm_telemetry::{Policy, Telemetry, bridge::json_lines::JsonLines};

#[tokio::main]
async fn a_call_under_the_policy_of_the_readme() -> Result<(), Box<dyn std::error::Error>> {
    let policy = Policy::new().user_keys(["user_id"]);
    let _log = JsonLines::to_writer(std::io::stderr()).policy(policy).attach("log", &Telemetry::global())?;
    let call = async {}.in_span_infallible(Span::generate());
    call.in_span_infallible(Span::chat().baggage("user_id", "u-1").baggage("tenant", "t-1")).await;
    Ok(())
}

#[test]
fn the_policy_of_the_readme_exports_the_user_of_each_call_and_nothing_else() {
    if let Some(output) = in_its_own_process(|| a_call_under_the_policy_of_the_readme().unwrap()) {
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && log.lines().count() == 4 && !log.contains("t-1"), "{output:?}");
        assert!(log.lines().all(|line| line.contains(r#""user_id":"u-1""#)), "{log}");
    }
}

/// The README's blocks of code in this language.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let blocks = README.split("\n```").skip(1).step_by(2);
    blocks.filter_map(move |block| block.strip_prefix(language)?.strip_prefix('\n'))
}

/// A line of the log, of its times, ids and numbers no more than their keys: they are others each time.
fn shape(line: &str) -> String {
    let (time, line) = line.split_once(',').unwrap();
    assert!(time.starts_with(r#"{"time":""#) && time.ends_with(r#"Z""#), "{time}");
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
    let lines = blocks("rust").flat_map(str::lines).map(str::trim);
    for line in lines.filter(|line| !line.is_empty()) {
        assert!(here.any(|other| other == line), "the README says this, and this file does not: {line}");
    }
    assert_eq!(blocks("rust").count(), 2, "another block of Rust needs another test");
}

/// The names in backticks that are sentences, and so name a test.
fn tests_named_in(page: &str) -> Vec<&str> {
    let quoted = page.split('`').skip(1).step_by(2);
    let is_name = |text: &&str| text.chars().all(|sign| sign.is_ascii_lowercase() || sign == '_');
    quoted.filter(is_name).filter(|text| text.matches('_').count() > 3).collect()
}

#[test]
fn every_test_that_the_readme_names_exists() {
    let sources: String = test_files().iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let named = tests_named_in(README);
    assert!(named.len() > 5, "the names were not found: {named:?}");
    for name in named {
        assert!(sources.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}

/// The last column of the table of promises names files and folders, in lower case.
#[test]
fn every_file_of_tests_that_the_guarantees_name_exists() {
    let table = include_str!("../docs/guarantees.md").split("## Promised").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next());
    let quoted = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let named: Vec<&str> = quoted
        .take_while(|text| *text != "tests/loom")
        .filter(|text| text.chars().all(|sign| sign.is_ascii_lowercase() || sign == '_'))
        .collect();
    let files = test_files();
    let is_part = |file: &PathBuf, name: &str| {
        file.components().any(|part| Path::new(part.as_os_str()).file_stem() == Some(name.as_ref()))
    };
    assert!(named.len() > 40, "the names were not found: {named:?}");
    for name in named {
        assert!(files.iter().any(|file| is_part(file, name)), "tests/ has no {name}");
    }
}

fn test_files() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let list = if path.is_dir() { &mut folders } else { &mut files };
            list.push(path);
        }
    }
    files.retain(|file| file.extension().is_some_and(|kind| kind == "rs"));
    files
}

/// What several pages say of one subject, they say alike.
#[test]
fn the_pages_agree_on_blocking_handlers_dependencies_and_the_precedence_of_outcomes() {
    let pages = [
        ("README", README),
        ("CONTRIBUTING", include_str!("../CONTRIBUTING.md")),
        ("guarantees", include_str!("../docs/guarantees.md")),
        ("overview", include_str!("../docs/overview.md")),
        ("events", include_str!("../docs/events.md")),
    ];
    let pages = pages.map(|(name, page)| (name, page.split_whitespace().collect::<Vec<_>>().join(" ")));
    let said_by = |sentence: &str, on: &[&str]| {
        for (name, page) in pages.iter().filter(|(name, _)| on.contains(name)) {
            assert!(page.contains(sentence), "{name} does not say: {sentence}");
        }
    };
    let manifest = include_str!("../Cargo.toml");
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let core: BTreeSet<&str> = section
        .lines()
        .filter(|line| line.contains(" = ") && !line.contains("optional = true") && !line.starts_with('#'))
        .map(|line| line.split(" = ").next().unwrap())
        .collect();
    let named = BTreeSet::from(["tokio", "futures", "pin-project", "rand", "base64", "dashmap"]);
    assert_eq!(core, named);
    said_by("depends on tokio, futures, pin-project, rand, base64 and dashmap", &["README"]);
    said_by("depends only on tokio, futures, pin-project, rand, base64 and dashmap", &["CONTRIBUTING"]);
    said_by("panicked, error, cancelled or dropped, completed", &["events", "guarantees"]);
    said_by("run in the task that emits the event, so they must not block", &["README"]);
    said_by("A handler that blocks delays that task", &["guarantees"]);
    said_by("a handler that blocks delays that task", &["overview"]);
    for (name, page) in &pages {
        assert!(!page.contains("never harms"), "{name} promises that a handler may block");
    }
}

#[test]
fn the_guarantees_name_what_is_not_promised() {
    let page = include_str!("../docs/guarantees.md");
    let not_promised = page.split("## Not promised").nth(1).unwrap().split("\n## ").next().unwrap();
    for named in [
        "`process::exit`",
        "`fork`",
        "Work stealing of rayon",
        "A `LocalSet`",
        "A FIFO or pipe whose reader never reads",
    ] {
        assert!(not_promised.contains(&format!("- **{named}")), "{named}");
    }
    assert!(not_promised.contains("`flush` keeps its deadline"));
}
