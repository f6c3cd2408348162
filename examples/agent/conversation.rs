//! The agent's loop, and all of its telemetry: chat > step > stream and tool.

use allm_telemetry::{prelude::*, retry_notifier_with, spawn};
use async_openai::types::chat::{
    ChatCompletionMessageToolCall as ToolCall, ChatCompletionRequestMessage as Message,
    ChatCompletionRequestToolMessage, ChatCompletionRequestUserMessage, ChatCompletionStreamOptions,
    CompletionUsage, CreateChatCompletionRequest, CreateChatCompletionStreamResponse as Chunk,
};
use backon::Retryable;
use futures::StreamExt;
use futures::future::join_all;
use tokio::time::timeout;

use crate::chaos::Fate;
use crate::client::{self, Endpoint, OpenAI};
use crate::error::{self, AgentError};
use crate::reply::{Reply, finish_reason, has_content};
use crate::tools::{self, ToolError};

const MAX_STEPS: usize = 8;

pub(crate) struct Conversation {
    client: OpenAI,
    endpoint: Endpoint,
    id: String,
    messages: Vec<Message>,
}

impl Conversation {
    pub(crate) fn new(client: OpenAI, endpoint: Endpoint, id: String) -> Self {
        Self { client, endpoint, id, messages: Vec::new() }
    }

    /// Asks one question and follows the model through its tool calls to the answer.
    ///
    /// The outermost span: every span inside has its request id and inherits its engine and provider.
    pub(crate) async fn ask(&mut self, question: &str, fate: Fate) -> Result<String, AgentError> {
        let chat = Span::chat()
            .engine("async-openai")
            .provider("openai")
            .agent_name("weekend")
            .conversation_id(&self.id)
            .input(|| question.to_owned())
            .observe(|answer: &String, record| record.result(|| answer.clone()))
            .error_type(AgentError::class);
        async {
            self.messages.push(ChatCompletionRequestUserMessage::from(question).into());
            for _ in 0..MAX_STEPS {
                if let Some(answer) = self.step(fate).await? {
                    return Ok(answer);
                }
            }
            Err(AgentError::TooManySteps)
        }
        .in_span(chat)
        .await
    }

    /// Calls the model once and runs the tools that it asks for. Returns its answer if it asks for none.
    async fn step(&mut self, fate: Fate) -> Result<Option<String>, AgentError> {
        async {
            let reply = self.stream(fate).await?;
            if reply.tool_calls.is_empty() {
                return Ok(Some(reply.text));
            }
            let results = join_all(reply.tool_calls.iter().cloned().map(|call| call_tool(call, fate))).await;
            self.messages.push(reply.to_message());
            self.messages.extend(results);
            Ok(None)
        }
        .in_span(Span::step().error_type(AgentError::class))
        .await
    }

    /// Streams one reply. The span starts with the request and ends with the last chunk that is read. It includes
    /// retries, and the time to the first chunk is the time that the user waited.
    async fn stream(&self, fate: Fate) -> Result<Reply, AgentError> {
        let request = self.request();
        let answer = (|| async { self.client.chat().create_stream(request.clone()).await })
            .retry(client::backoff())
            .when(client::is_transient)
            .adjust(client::honour_retry_after)
            .notify(retry_notifier_with(error::class));
        let span = Span::stream()
            .model(&self.endpoint.model)
            .server_address(self.endpoint.host())
            .server_port(self.endpoint.port())
            .observe(observe)
            // A connection that is closed in the middle of the answer is an error.
            .expects_finish()
            .error_type(error::class);

        let patience = fate.patience();
        let mut chunks =
            timeout(patience, span.open(answer)).await.map_err(|_| AgentError::TimedOut(patience))??;
        let mut reply = Reply::default();
        while let Some(chunk) = chunks.next().await {
            reply.push(chunk?);
            if fate.stops_reading(&reply.text) {
                break;
            }
        }
        Ok(reply)
    }

    fn request(&self) -> CreateChatCompletionRequest {
        CreateChatCompletionRequest {
            model: self.endpoint.model.clone(),
            messages: self.messages.clone(),
            tools: Some(tools::catalogue()),
            // Without this option a stream has no usage.
            stream_options: Some(ChatCompletionStreamOptions {
                include_usage: Some(true),
                include_obfuscation: None,
            }),
            ..Default::default()
        }
    }
}

/// Records what a chunk reports of the whole reply.
fn observe(chunk: &Chunk, record: &mut Record<'_>) {
    record.response_model(&chunk.model);
    record.response_id(&chunk.id);
    if let Some(usage) = &chunk.usage {
        record.usage(usage_of(usage));
    }
    // A chunk with only a role or usage is not the first token.
    if !has_content(chunk) {
        record.content_free();
    }
    for choice in &chunk.choices {
        record.push_output(|| choice.delta.content.as_deref().unwrap_or_default());
        if let Some(reason) = choice.finish_reason {
            record.finish_reason(finish_reason(reason));
            record.finished();
        }
    }
}

fn usage_of(usage: &CompletionUsage) -> Usage {
    let (input, output) = (&usage.prompt_tokens_details, &usage.completion_tokens_details);
    Usage::new()
        .input(usage.prompt_tokens)
        .cached(input.as_ref().and_then(|details| details.cached_tokens))
        .output(usage.completion_tokens)
        .reasoning(output.as_ref().and_then(|details| details.reasoning_tokens))
}

/// Runs a tool on a task of its own and returns a message with its result or error for the model.
async fn call_tool(call: ToolCall, fate: Fate) -> Message {
    let arguments = call.function.arguments.clone();
    let span = Span::tool(call.function.name.clone(), &call.id)
        .input(|| arguments)
        .observe(|result: &String, record| record.result(|| result.clone()))
        .error_type(ToolError::class);
    let work = async move {
        fate.strike(&call.function.name);
        tools::run(call.function).await
    };
    let content = match spawn(work.in_span(span)).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the tool panicked".to_owned(),
    };
    ChatCompletionRequestToolMessage { tool_call_id: call.id, content: content.into() }.into()
}
