//! A reply as it grows, chunk by chunk.

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

    /// Id and name come with a call's first fragment, the arguments torn apart over all of them.
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

    /// The message that tells the model, in the next step, what it said in this one.
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

/// Whether there is anything in a chunk for the reader or for a tool.
pub(crate) fn has_content(chunk: &CreateChatCompletionStreamResponse) -> bool {
    chunk.choices.iter().any(|choice| {
        let text = choice.delta.content.as_deref().unwrap_or_default();
        !text.is_empty() || choice.delta.tool_calls.is_some()
    })
}

/// The reason as it stands on the wire.
pub(crate) fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::FunctionCall => "function_call",
    }
}
