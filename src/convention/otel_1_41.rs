//! OpenTelemetry's semantic conventions for GenAI, version 1.41: the names of spans, and their attributes.
//!
//! <https://github.com/open-telemetry/semantic-conventions/tree/v1.41.0/docs/gen-ai>

use super::group::Group;
use super::instruments_1_41::INSTRUMENTS;
use super::rule::{
    Answered, As, Asked, Form, Named, Row, Rule, Source, SpanKind, StreamPart, Subject, Table, Tokens,
    Vocabulary,
};

pub(super) static VOCABULARY: Vocabulary = Vocabulary {
    names: [
        client("chat"),
        client("chat"),
        internal("step", None),
        internal("invoke_agent", Some(Subject::Agent)),
        internal("execute_tool", Some(Subject::Tool)),
        client("generate_content"),
        client("embeddings"),
        // The convention has no names for these four.
        client("moderate"),
        client("classify"),
        client("speech"),
        client("transcription"),
        Named { operation: "retrieval", subject: Some(Subject::DataSource), kind: SpanKind::Client },
        // The convention has no name for this one.
        client("rerank"),
    ],
    instruments: &INSTRUMENTS,
};

pub(super) static OTEL_1_41: Table = Table {
    version: "otel-1.41",
    vocabulary: &VOCABULARY,
    spans: [
        // generate
        Row { start: &[CALL, OPTIONS, INPUT_MESSAGES], end: &[RESPONSE, USAGE, OUTPUT_MESSAGES] },
        // stream
        Row { start: &[CALL, OPTIONS, STREAM, INPUT_MESSAGES], end: &[RESPONSE, USAGE, OUTPUT_MESSAGES] },
        // step: no operation of this convention
        Row { start: &[], end: &[USAGE] },
        // chat: has usage only if no call inside it has
        Row { start: &[CALL, OPTIONS, INPUT_MESSAGES], end: &[USAGE, OUTPUT_MESSAGES] },
        // tool
        Row { start: &[TOOL, AGENT, ARGUMENTS], end: &[TOOL_RESULT] },
        // image
        Row { start: &[CALL, OPTIONS, IMAGE, INPUT_MESSAGES], end: &[RESPONSE, USAGE, OUTPUT_MESSAGES] },
        // embed: its content is no messages
        Row { start: &[CALL, OPTIONS], end: &[RESPONSE, USAGE] },
        // moderate
        Row { start: &[CALL, OPTIONS, INPUT_MESSAGES], end: &[RESPONSE, USAGE, OUTPUT_MESSAGES] },
        // classify
        Row { start: &[CALL, OPTIONS, INPUT_MESSAGES], end: &[RESPONSE, USAGE, OUTPUT_MESSAGES] },
        // synthesize
        Row { start: &[CALL, OPTIONS, SPEECH, INPUT_MESSAGES], end: &[RESPONSE, USAGE, OUTPUT_MESSAGES] },
        // transcribe
        Row { start: &[CALL, OPTIONS, TEXT, INPUT_MESSAGES], end: &[RESPONSE, USAGE, OUTPUT_MESSAGES] },
        // retrieve
        Row { start: &[CALL, OPTIONS, DATA_SOURCE, QUERY], end: &[DOCUMENTS] },
        // rerank: its content is no messages
        Row { start: &[CALL, OPTIONS], end: &[RESPONSE, USAGE] },
    ],
};

const CALL: Group = Group::plain(&[
    rule("gen_ai.operation.name", Source::Operation),
    rule("gen_ai.provider.name", Source::Asked(Asked::Provider)),
    rule("gen_ai.request.model", Source::Asked(Asked::Model)),
]);

const OPTIONS: Group = Group::options(&[
    option("gen_ai.request.temperature", "temperature", As::Float),
    option("gen_ai.request.top_p", "top_p", As::Float),
    option("gen_ai.request.top_k", "top_k", As::Float),
    option("gen_ai.request.max_tokens", "max_tokens", As::Int),
    option("gen_ai.request.seed", "seed", As::Int),
    option("gen_ai.request.frequency_penalty", "frequency_penalty", As::Float),
    option("gen_ai.request.presence_penalty", "presence_penalty", As::Float),
    option("gen_ai.request.stop_sequences", "stop_sequences", As::Texts),
    option("gen_ai.agent.name", "agent_name", As::Text),
    option("gen_ai.conversation.id", "conversation_id", As::Text),
    option("server.address", "server_address", As::Text),
    option("server.port", "server_port", As::Int),
]);

const STREAM: Group = Group::plain(&[rule("gen_ai.request.stream", Source::True)]);

const IMAGE: Group = Group::plain(&[
    rule("gen_ai.request.choice.count", Source::Own("n", As::Int)),
    rule("gen_ai.output.type", Source::Is("image")),
]);

const SPEECH: Group = Group::plain(&[rule("gen_ai.output.type", Source::Is("speech"))]);

const TEXT: Group = Group::plain(&[rule("gen_ai.output.type", Source::Is("text"))]);

const TOOL: Group = Group::plain(&[
    rule("gen_ai.operation.name", Source::Operation),
    rule("gen_ai.tool.name", Source::Own("tool_name", As::Text)),
    rule("gen_ai.tool.call.id", Source::Own("tool_call_id", As::Text)),
    rule("gen_ai.tool.type", Source::Is("function")),
]);

const AGENT: Group = Group::options(&[
    option("gen_ai.agent.name", "agent_name", As::Text),
    option("gen_ai.conversation.id", "conversation_id", As::Text),
]);

const ARGUMENTS: Group = Group::input(&[rule("gen_ai.tool.call.arguments", Source::Input(Form::Text))]);

const TOOL_RESULT: Group = Group::output(&[rule("gen_ai.tool.call.result", Source::Output(Form::Text))]);

const DATA_SOURCE: Group =
    Group::plain(&[rule("gen_ai.data_source.id", Source::Own("data_source", As::Text))]);

const QUERY: Group = Group::input(&[rule("gen_ai.retrieval.query.text", Source::Input(Form::Text))]);

const DOCUMENTS: Group = Group::output(&[rule("gen_ai.retrieval.documents", Source::Output(Form::Text))]);

const RESPONSE: Group = Group::plain(&[
    rule("gen_ai.response.model", Source::Answered(Answered::Model)),
    rule("gen_ai.response.id", Source::Answered(Answered::Id)),
    rule("gen_ai.response.finish_reasons", Source::FinishReasons),
    rule("gen_ai.response.time_to_first_chunk", Source::Stream(StreamPart::FirstChunk)),
]);

const USAGE: Group = Group::usage(&[
    rule("gen_ai.usage.input_tokens", Source::Tokens(Tokens::Input)),
    rule("gen_ai.usage.output_tokens", Source::Tokens(Tokens::Output)),
    rule("gen_ai.usage.cache_read.input_tokens", Source::Tokens(Tokens::CacheRead)),
    rule("gen_ai.usage.cache_creation.input_tokens", Source::Tokens(Tokens::CacheWrite)),
    rule("gen_ai.usage.reasoning.output_tokens", Source::Tokens(Tokens::Reasoning)),
]);

const INPUT_MESSAGES: Group = Group::input(&[rule("gen_ai.input.messages", Source::Input(Form::Messages))]);

const OUTPUT_MESSAGES: Group =
    Group::output(&[rule("gen_ai.output.messages", Source::Output(Form::Messages))]);

const fn rule(key: &'static str, source: Source) -> Rule {
    Rule { key, source }
}

const fn option(key: &'static str, ours: &'static str, kind: As) -> Rule {
    rule(key, Source::Option(ours, kind))
}

const fn client(operation: &'static str) -> Named {
    Named { operation, subject: Some(Subject::Model), kind: SpanKind::Client }
}

const fn internal(operation: &'static str, subject: Option<Subject>) -> Named {
    Named { operation, subject, kind: SpanKind::Internal }
}
