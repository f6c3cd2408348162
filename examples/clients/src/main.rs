//! Does it work with my client? The same line around calls of reqwest, rig and genai.
//!
//! All three use the server of the agent example. Only the observers differ, because they read each client's types.

#[path = "../../agent/server.rs"]
mod server;

use std::error::Error;
use std::time::Duration;

use allm_telemetry::bridge::console::Console;
use allm_telemetry::{Telemetry, prelude::*};
use futures::{StreamExt, TryFutureExt};
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, ChatStreamEvent};
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{ModelIden, ServiceTarget};
use rig_core::completion::{CompletionRequest, CompletionResponse};
use rig_core::providers::openai::OpenAIConfig;
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

const MODEL: &str = "scripted-1";
const QUESTION: &str = "Can I go sailing near Lisbon on Saturday?";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let base_url = server::start(server::Faults::None).await?;
    let _telemetry = allm_telemetry::init()?;
    let _console = Console::new().attach("console", &Telemetry::global())?;
    let answers = [with_reqwest(&base_url).await?, with_rig(&base_url).await?, with_genai(&base_url).await?];
    let report = allm_telemetry::shutdown(Duration::from_secs(5)).await;
    assert!(report.is_complete(), "{report}");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "one script, one answer");
    println!("{}", answers[0]);
    Ok(())
}

/// Without a client library: a POST with JSON.
async fn with_reqwest(base_url: &str) -> Result<String, Failure> {
    let request = json!({"model": MODEL, "messages": [{"role": "user", "content": QUESTION}]});
    let post = reqwest::Client::new().post(format!("{base_url}/chat/completions")).json(&request).send();
    let reply = async { post.await?.error_for_status()?.json::<Value>().await }
        .in_span(Span::generate().engine("reqwest").model(MODEL).observe(|reply: &Value, record| {
            let usage = &reply["usage"];
            let (input, output) = (usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64());
            record.usage(Usage::new().input(input).output(output));
        }))
        .await?;
    Ok(reply["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned())
}

/// rig counts tokens as this crate does: the whole, and its parts.
async fn with_rig(base_url: &str) -> Result<String, Failure> {
    let model = OpenAIConfig::new("no key").with_base_url(base_url).client().chat(MODEL);
    let reply = model
        .call(CompletionRequest::new(QUESTION))
        .in_span(Span::generate().engine("rig").model(MODEL).observe(|reply: &CompletionResponse, record| {
            let usage = &reply.usage;
            record.usage(
                Usage::new()
                    .input(usage.input_tokens)
                    .cached(usage.cached_input_tokens)
                    .output(usage.output_tokens)
                    .reasoning(usage.reasoning_tokens),
            );
        }))
        .await?;
    Ok(reply.text())
}

/// A stream: the span starts with the request and ends with the last token.
async fn with_genai(base_url: &str) -> Result<String, Failure> {
    let endpoint = Endpoint::from_owned(format!("{base_url}/"));
    let target = ServiceTargetResolver::from_resolver_fn(
        move |target: ServiceTarget| -> Result<ServiceTarget, genai::resolver::Error> {
            let model = ModelIden::new(AdapterKind::OpenAI, target.model.model_name);
            Ok(ServiceTarget { endpoint: endpoint.clone(), auth: AuthData::from_single("no key"), model })
        },
    );
    let client = genai::Client::builder().with_service_target_resolver(target).build()?;
    let request = ChatRequest::default().append_message(ChatMessage::user(QUESTION));
    let options = ChatOptions::default().with_capture_usage(true);

    let stream = client.exec_chat_stream(MODEL, request, Some(&options)).map_ok(|reply| reply.stream);
    let mut events = Span::stream()
        .engine("genai")
        .model(MODEL)
        .expects_finish()
        .observe(|event: &ChatStreamEvent, record| match event {
            ChatStreamEvent::End(end) => {
                record.content_free();
                record.finished();
                if let Some(usage) = &end.captured_usage {
                    let (input, output) = (usage.prompt_tokens, usage.completion_tokens);
                    record.usage(Usage::new().input(input).output(output));
                }
            }
            ChatStreamEvent::Start | ChatStreamEvent::Heartbeat => record.content_free(),
            _ => {}
        })
        .open(stream)
        .await?;
    let mut answer = String::new();
    while let Some(event) = events.next().await {
        if let ChatStreamEvent::Chunk(chunk) = event? {
            answer.push_str(&chunk.content);
        }
    }
    Ok(answer)
}
