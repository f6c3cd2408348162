//! OpenInference: the kind of a span, its model, tokens, session and content.
//!
//! <https://arize-ai.github.io/openinference/spec/semantic_conventions.html>

use super::attribute::{Attribute, count, literal};
use super::rule::Rule;
use crate::event::SpanName;

pub(super) fn rules(span: SpanName) -> Vec<Rule> {
    let groups: &[&[Rule]] = match span {
        SpanName::Generate
        | SpanName::Stream
        | SpanName::Image
        | SpanName::Synthesize
        | SpanName::Transcribe => &[LLM, PROVIDER, SESSION, INPUT, MODEL, USAGE, OUTPUT],
        SpanName::Step => &[CHAIN, SESSION, INPUT, USAGE, OUTPUT],
        SpanName::Chat => &[AGENT, SESSION, INPUT, USAGE, OUTPUT],
        SpanName::Tool => &[TOOL, SESSION, INPUT, OUTPUT],
        SpanName::Embed => &[EMBEDDING, PROVIDER, SESSION, INPUT, USAGE, OUTPUT],
        SpanName::Moderate => &[GUARDRAIL, PROVIDER, SESSION, INPUT, MODEL, USAGE, OUTPUT],
        SpanName::Classify => &[EVALUATOR, PROVIDER, SESSION, INPUT, MODEL, USAGE, OUTPUT],
        SpanName::Retrieve => &[RETRIEVER, SESSION, INPUT, OUTPUT],
        SpanName::Rerank => &[RERANKER, PROVIDER, SESSION, INPUT, USAGE, OUTPUT],
    };
    groups.concat()
}

const LLM: &[Rule] = &[Rule::start("openinference.span.kind", "always `LLM`", |_| literal("LLM"))];
const CHAIN: &[Rule] = &[Rule::start("openinference.span.kind", "always `CHAIN`", |_| literal("CHAIN"))];
const GUARDRAIL: &[Rule] =
    &[Rule::start("openinference.span.kind", "always `GUARDRAIL`", |_| literal("GUARDRAIL"))];
const EVALUATOR: &[Rule] =
    &[Rule::start("openinference.span.kind", "always `EVALUATOR`", |_| literal("EVALUATOR"))];
const RETRIEVER: &[Rule] =
    &[Rule::start("openinference.span.kind", "always `RETRIEVER`", |_| literal("RETRIEVER"))];

const AGENT: &[Rule] = &[
    Rule::start("openinference.span.kind", "always `AGENT`", |_| literal("AGENT")),
    Rule::start("agent.name", "`agent_name`", |it| it.text("agent_name")),
];

const TOOL: &[Rule] = &[
    Rule::start("openinference.span.kind", "always `TOOL`", |_| literal("TOOL")),
    Rule::start("tool.name", "`tool_name`", |it| it.text("tool_name")),
    Rule::start("tool.id", "`tool_call_id`", |it| it.text("tool_call_id")),
];

const EMBEDDING: &[Rule] = &[
    Rule::start("openinference.span.kind", "always `EMBEDDING`", |_| literal("EMBEDDING")),
    Rule::end("embedding.model_name", "`response_model`, else `model`", |it| it.answering_model()),
];

const RERANKER: &[Rule] = &[
    Rule::start("openinference.span.kind", "always `RERANKER`", |_| literal("RERANKER")),
    Rule::start("reranker.top_k", "`top_k`", |it| it.int("top_k")),
    Rule::end("reranker.model_name", "`response_model`, else `model`", |it| it.answering_model()),
];

const PROVIDER: &[Rule] = &[
    Rule::start("llm.provider", "`provider`, else `engine`, else `_OTHER`", |it| Some(it.provider())),
    Rule::start("llm.system", "`provider`, else `engine`, else `_OTHER`", |it| Some(it.provider())),
];

const SESSION: &[Rule] = &[Rule::start("session.id", "`conversation_id`", |it| it.text("conversation_id"))];

const MODEL: &[Rule] =
    &[Rule::end("llm.model_name", "`response_model`, else `model`", |it| it.answering_model())];

const USAGE: &[Rule] = &[
    Rule::end("llm.token_count.prompt", "`usage`: `input_tokens`", |it| count(it.usage?.input_tokens())),
    Rule::end("llm.token_count.completion", "`usage`: `output_tokens`", |it| {
        count(it.usage?.output_tokens())
    }),
    Rule::end("llm.token_count.total", "`usage`: `input_tokens` + `output_tokens`", |it| {
        let (input, output) = (it.usage?.input_tokens()?, it.usage?.output_tokens()?);
        count(Some(input.saturating_add(output)))
    }),
    Rule::end("llm.token_count.prompt_details.cache_read", "`usage`: `cached_tokens`", |it| {
        count(it.usage?.cached_tokens())
    }),
    Rule::end("llm.token_count.prompt_details.cache_write", "`usage`: `cache_write_tokens`", |it| {
        count(it.usage?.cache_write_tokens())
    }),
    Rule::end("llm.token_count.prompt_details.audio", "`usage`: `audio_input_tokens`", |it| {
        count(it.usage?.audio_input_tokens())
    }),
    Rule::end("llm.token_count.completion_details.reasoning", "`usage`: `reasoning_tokens`", |it| {
        count(it.usage?.reasoning_tokens())
    }),
    Rule::end("llm.token_count.completion_details.audio", "`usage`: `audio_output_tokens`", |it| {
        count(it.usage?.audio_output_tokens())
    }),
    Rule::end("llm.cost.total", "`cost_usd`", |it| it.cost.map(Attribute::Float)),
];

const INPUT: &[Rule] = &[
    Rule::input("input.value", "`input`", |it| it.input_text()),
    Rule::input("input.mime_type", "`input`: its media type", |it| it.input_mime_type()),
];

const OUTPUT: &[Rule] = &[
    Rule::output("output.value", "`output`, else the span's result", |it| it.output_text()),
    Rule::output("output.mime_type", "`output`, else the span's result: its media type", |it| {
        it.output_mime_type()
    }),
];
