//! OpenTelemetry's semantic conventions for generative AI, version 1.41: names of spans, and their attributes.
//!
//! <https://github.com/open-telemetry/semantic-conventions/tree/v1.41.0/docs/gen-ai>

use super::attribute::{Attribute, count, key, literal, texts};
use super::cardinality::Dimension;
use super::name::Name;
use super::rule::Rule;
use crate::event::SpanName;

pub(super) const fn name(span: SpanName) -> Name {
    match span {
        SpanName::Generate | SpanName::Stream => Name::client("chat", Dimension::Model),
        SpanName::Step => Name::internal("step", None),
        SpanName::Chat => Name::internal("invoke_agent", Some(Dimension::Agent)),
        SpanName::Tool => Name::internal("execute_tool", Some(Dimension::Tool)),
        SpanName::Image => Name::client("generate_content", Dimension::Model),
        SpanName::Embed => Name::client("embeddings", Dimension::Model),
        SpanName::Retrieve => Name::client("retrieval", Dimension::DataSource),
        // The convention has no names for these.
        SpanName::Moderate => Name::client("moderate", Dimension::Model),
        SpanName::Classify => Name::client("classify", Dimension::Model),
        SpanName::Synthesize => Name::client("speech", Dimension::Model),
        SpanName::Transcribe => Name::client("transcription", Dimension::Model),
        SpanName::Rerank => Name::client("rerank", Dimension::Model),
    }
}

pub(super) fn rules(span: SpanName) -> Vec<Rule> {
    let groups: &[&[Rule]] = match span {
        SpanName::Generate | SpanName::Moderate | SpanName::Classify => {
            &[CALL, PARAMETERS, INPUT, RESPONSE, USAGE, OUTPUT]
        }
        SpanName::Stream => &[CALL, PARAMETERS, STREAM, INPUT, RESPONSE, USAGE, OUTPUT],
        // The convention has no operation for it.
        SpanName::Step => &[USAGE],
        SpanName::Chat => &[CALL, PARAMETERS, INPUT, USAGE, OUTPUT],
        SpanName::Tool => &[TOOL],
        SpanName::Image => &[CALL, PARAMETERS, IMAGE, INPUT, RESPONSE, USAGE, OUTPUT],
        // The content of these two is not messages.
        SpanName::Embed | SpanName::Rerank => &[CALL, PARAMETERS, RESPONSE, USAGE],
        SpanName::Synthesize => &[CALL, PARAMETERS, SPEECH, INPUT, RESPONSE, USAGE, OUTPUT],
        SpanName::Transcribe => &[CALL, PARAMETERS, TEXT, INPUT, RESPONSE, USAGE, OUTPUT],
        SpanName::Retrieve => &[CALL, PARAMETERS, RETRIEVE],
    };
    groups.concat()
}

const CALL: &[Rule] = &[
    OPERATION,
    Rule::start("gen_ai.provider.name", "`provider`, else `engine`, else `_OTHER`", |it| Some(it.provider())),
    Rule::start("gen_ai.request.model", "`model`", |it| it.requested_model()),
];

const PARAMETERS: &[Rule] = &[
    Rule::start("gen_ai.request.temperature", "`temperature`", |it| it.float("temperature")),
    Rule::start("gen_ai.request.top_p", "`top_p`", |it| it.float("top_p")),
    Rule::start("gen_ai.request.top_k", "`top_k`", |it| it.float("top_k")),
    Rule::start("gen_ai.request.max_tokens", "`max_tokens`", |it| it.int("max_tokens")),
    Rule::start("gen_ai.request.seed", "`seed`", |it| it.int("seed")),
    Rule::start("gen_ai.request.frequency_penalty", "`frequency_penalty`", |it| {
        it.float("frequency_penalty")
    }),
    Rule::start("gen_ai.request.presence_penalty", "`presence_penalty`", |it| it.float("presence_penalty")),
    Rule::start("gen_ai.request.stop_sequences", "`stop_sequences`", |it| it.texts("stop_sequences")),
    AGENT,
    CONVERSATION,
    Rule::start("server.address", "`server_address`", |it| it.text("server_address")),
    Rule::start("server.port", "`server_port`", |it| it.int("server_port")),
];

const OPERATION: Rule =
    Rule::start("gen_ai.operation.name", "the operation", |it| literal(it.name.operation));
const AGENT: Rule = Rule::start("gen_ai.agent.name", "`agent_name`", |it| it.text("agent_name"));
const CONVERSATION: Rule =
    Rule::start("gen_ai.conversation.id", "`conversation_id`", |it| it.text("conversation_id"));

const STREAM: &[Rule] =
    &[Rule::start("gen_ai.request.stream", "always true", |_| Some(Attribute::Bool(true)))];

const IMAGE: &[Rule] = &[
    Rule::start("gen_ai.request.choice.count", "`n`", |it| it.int("n")),
    Rule::start("gen_ai.output.type", "always `image`", |_| literal("image")),
];

const SPEECH: &[Rule] = &[Rule::start("gen_ai.output.type", "always `speech`", |_| literal("speech"))];
const TEXT: &[Rule] = &[Rule::start("gen_ai.output.type", "always `text`", |_| literal("text"))];

const TOOL: &[Rule] = &[
    OPERATION,
    Rule::start("gen_ai.tool.name", "`tool_name`", |it| it.text("tool_name")),
    Rule::start("gen_ai.tool.call.id", "`tool_call_id`", |it| it.text("tool_call_id")),
    Rule::start("gen_ai.tool.type", "always `function`", |_| literal("function")),
    AGENT,
    CONVERSATION,
    Rule::input("gen_ai.tool.call.arguments", "`input`", |it| it.input_text()),
    Rule::output("gen_ai.tool.call.result", "`output`, else the span's result", |it| it.output_text()),
];

const RETRIEVE: &[Rule] = &[
    Rule::start("gen_ai.data_source.id", "`data_source`", |it| it.text("data_source")),
    Rule::input("gen_ai.retrieval.query.text", "`input`", |it| it.input_text()),
    Rule::output("gen_ai.retrieval.documents", "`output`, else the span's result", |it| it.output_text()),
];

const RESPONSE: &[Rule] = &[
    Rule::end("gen_ai.response.model", "`response_model`", |it| key(&it.results()?.response_model)),
    Rule::end("gen_ai.response.id", "`response_id`", |it| key(&it.results()?.response_id)),
    Rule::end("gen_ai.response.finish_reasons", "`finish_reasons`", |it| {
        it.results()?.finish_reasons.as_deref().map(texts)
    }),
    Rule::end("gen_ai.response.time_to_first_chunk", "`time_to_first_chunk` in seconds", |it| {
        it.stream()?.time_to_first_chunk.map(Attribute::seconds)
    }),
];

const USAGE: &[Rule] = &[
    Rule::end("gen_ai.usage.input_tokens", "`usage`: `input_tokens`", |it| count(it.usage?.input_tokens())),
    Rule::end("gen_ai.usage.output_tokens", "`usage`: `output_tokens`", |it| {
        count(it.usage?.output_tokens())
    }),
    Rule::end("gen_ai.usage.cache_read.input_tokens", "`usage`: `cached_tokens`", |it| {
        count(it.usage?.cached_tokens())
    }),
    Rule::end("gen_ai.usage.cache_creation.input_tokens", "`usage`: `cache_write_tokens`", |it| {
        count(it.usage?.cache_write_tokens())
    }),
    Rule::end("gen_ai.usage.reasoning.output_tokens", "`usage`: `reasoning_tokens`", |it| {
        count(it.usage?.reasoning_tokens())
    }),
];

const INPUT: &[Rule] =
    &[Rule::input("gen_ai.input.messages", "`input`, as a list of messages in JSON", |it| {
        it.input_messages()
    })];

const OUTPUT: &[Rule] = &[Rule::output(
    "gen_ai.output.messages",
    "`output`, else the span's result, as a list of messages in JSON",
    |it| it.output_messages(),
)];
