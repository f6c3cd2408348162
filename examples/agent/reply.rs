//! A reply, built chunk by chunk.

use async_openai::types::chat::{
    ChatCompletionMessageToolCall, ChatCompletionMessageToolCallChunk, ChatCompletionMessageToolCalls,
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestMessage, CreateChatCompletionStreamResponse,
    FinishReason,
};

#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) tool_calls: Vec<ChatCompletionMessageToolCall>,
}

impl Reply {
    pub(crate) fn push(&mut self, chunk: CreateChatCompletionStreamResponse) {
        for choice in chunk.choices {
            self.text.extend(choice.delta.content);
            for part in choice.delta.tool_calls.into_iter().flatten() {
                self.push_tool_call(part);
            }
        }
    }

    /// The first fragment of a call has its id and name; the arguments are spread over all fragments.
    fn push_tool_call(&mut self, part: ChatCompletionMessageToolCallChunk) {
        let index = part.index as usize;
        if self.tool_calls.len() <= index {
            self.tool_calls.resize_with(index + 1, Default::default);
        }
        let call = &mut self.tool_calls[index];
        call.id.extend(part.id);
        if let Some(function) = part.function {
            call.function.name.extend(function.name);
            call.function.arguments.extend(function.arguments);
        }
    }

    /// The message that repeats this reply to the model in the next step.
    pub(crate) fn to_message(&self) -> ChatCompletionRequestMessage {
        let calls = self.tool_calls.iter().cloned().map(ChatCompletionMessageToolCalls::from);
        ChatCompletionRequestAssistantMessage {
            content: (!self.text.is_empty()).then(|| self.text.as_str().into()),
            tool_calls: (!self.tool_calls.is_empty()).then(|| calls.collect()),
            ..Default::default()
        }
        .into()
    }
}

/// Whether a chunk has text or a part of a tool call.
pub(crate) fn has_content(chunk: &CreateChatCompletionStreamResponse) -> bool {
    chunk.choices.iter().any(|choice| {
        let text = choice.delta.content.as_deref().unwrap_or_default();
        !text.is_empty() || choice.delta.tool_calls.is_some()
    })
}

/// The finish reason as the protocol spells it.
pub(crate) fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::FunctionCall => "function_call",
    }
}
