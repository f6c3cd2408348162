//! The agent's loop, and all of its telemetry: chat > step > stream and tool.

use std::time::Duration;

use allm_telemetry::{Chunk, Seen, Span, Usage, prelude::*, retry_notifier, spawn};
use async_openai::types::chat::{
    ChatCompletionMessageToolCall, ChatCompletionRequestMessage as Message, ChatCompletionRequestToolMessage,
    ChatCompletionRequestUserMessage, ChatCompletionStreamOptions, CompletionUsage, CreateChatCompletionRequest,
    CreateChatCompletionStreamResponse as Chunk,
};
use backon::Retryable;
use futures::{StreamExt, future::join_all};
use tokio::time::timeout;

use crate::{
    chaos::Fate,
    client::{self, Endpoint, OpenAI},
    error::{self, AgentError},
    reply::Reply,
    tools::{self, ToolError},
};

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
    /// The outermost span: all that happens below has its request id, and the engine and provider too.
    pub(crate) async fn ask(&mut self, question: &str, fate: Fate) -> Result<String, AgentError> {
        let chat = Span::chat()
            .engine("async-openai")
            .provider("openai")
            .agent_name("weekend")
            .conversation_id(self.id.clone())
            .input(|| question.to_owned())
            .on_stop(|answer: &String, stop| stop.output(|| answer.clone()))
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

    /// One call of the model and the tools that it wants; the answer if it wants none.
    async fn step(&mut self, fate: Fate) -> Result<Option<String>, AgentError> {
        async {
            let reply = self.stream(fate).await?;
            if reply.tool_calls.is_empty() {
                return Ok(Some(reply.text));
            }
            self.messages.push(reply.to_message());
            self.messages.extend(join_all(reply.tool_calls.into_iter().map(|call| call_tool(call, fate))).await);
            Ok(None)
        }
        .in_span(Span::step().error_type(AgentError::class))
        .await
    }

    /// Streams one reply. The span begins with the request and ends with the last chunk that is read, so it
    /// covers retries, and the first chunk is timed from the request.
    async fn stream(&self, fate: Fate) -> Result<Reply, AgentError> {
        let request = self.request();
        let answer = (|| self.client.chat().create_stream(request.clone()))
            .retry(client::backoff())
            .when(client::is_transient)
            .adjust(client::honour_retry_after)
            .notify(retry_notifier());
        let span = Span::stream()
            .model(self.endpoint.model.clone())
            .server_address(self.endpoint.host())
            .server_port(self.endpoint.port())
            .on_chunk(observe)
            .error_type(error::class);
        let patience = fate.patience();
        let mut chunks = timeout(patience, span.open(answer)).await.map_err(|_| AgentError::TimedOut(patience))??;
        let mut reply = Reply::default();
        let mut read = 0;
        while let Some(chunk) = chunks.next().await {
            reply.push(chunk?);
            read += 1;
            if fate.stops_reading(read) {
                break;
            }
        }
        Ok(reply)
    }
}

/// What a chunk tells about the whole reply.
fn observe(chunk: &Chunk, seen: &mut Seen) {
    seen.response_model(&chunk.model);
    seen.response_id(&chunk.id);
    if let Some(usage) = &chunk.usage {
        seen.usage(usage_of(usage));
    }
    for choice in &chunk.choices {}
}
