//! OpenInference: what a span is, its model, its tokens, its session.
//!
//! <https://arize-ai.github.io/openinference/spec/semantic_conventions.html>

use super::group::Group;
use super::otel_1_41::VOCABULARY;
use super::rule::{Answered, As, Asked, Form, Row, Rule, Source, Table, Tokens};

pub(super) static OPENINFERENCE: Table = Table {
    version: "openinference",
    // It has no names for spans, and no instruments.
    vocabulary: &VOCABULARY,
    spans: [
        // generate
        Row { start: &[LLM, SERVED, SESSION, INPUT], end: &[MODEL, USAGE, OUTPUT] },
        // stream
        Row { start: &[LLM, SERVED, SESSION, INPUT], end: &[MODEL, USAGE, OUTPUT] },
        // step
        Row { start: &[CHAIN, SESSION, INPUT], end: &[USAGE, OUTPUT] },
        // chat
        Row { start: &[AGENT, AGENT_NAME, SESSION, INPUT], end: &[USAGE, OUTPUT] },
        // tool
        Row { start: &[TOOL, SESSION, INPUT], end: &[OUTPUT] },
        // image
        Row { start: &[LLM, SERVED, SESSION, INPUT], end: &[MODEL, USAGE, OUTPUT] },
        // embed
        Row { start: &[EMBEDDING, SERVED, SESSION, INPUT], end: &[EMBEDDING_MODEL, USAGE, OUTPUT] },
        // moderate
        Row { start: &[GUARDRAIL, SERVED, SESSION, INPUT], end: &[MODEL, USAGE, OUTPUT] },
        // classify
        Row { start: &[EVALUATOR, SERVED, SESSION, INPUT], end: &[MODEL, USAGE, OUTPUT] },
        // synthesize
        Row { start: &[LLM, SERVED, SESSION, INPUT], end: &[MODEL, USAGE, OUTPUT] },
        // transcribe
        Row { start: &[LLM, SERVED, SESSION, INPUT], end: &[MODEL, USAGE, OUTPUT] },
        // retrieve
        Row { start: &[RETRIEVER, SESSION, INPUT], end: &[OUTPUT] },
        // rerank
        Row {
            start: &[RERANKER, RERANKER_TOP_K, SERVED, SESSION, INPUT],
            end: &[RERANKER_MODEL, USAGE, OUTPUT],
        },
    ],
};

const LLM: Group = Group::plain(&[kind("LLM")]);
const CHAIN: Group = Group::plain(&[kind("CHAIN")]);
const EMBEDDING: Group = Group::plain(&[kind("EMBEDDING")]);
const GUARDRAIL: Group = Group::plain(&[kind("GUARDRAIL")]);
const EVALUATOR: Group = Group::plain(&[kind("EVALUATOR")]);

const RETRIEVER: Group = Group::plain(&[kind("RETRIEVER")]);
const RERANKER: Group = Group::plain(&[kind("RERANKER")]);
const RERANKER_TOP_K: Group = Group::options(&[rule("reranker.top_k", Source::Option("top_k", As::Int))]);

const AGENT: Group = Group::plain(&[kind("AGENT")]);
const AGENT_NAME: Group = Group::options(&[rule("agent.name", Source::Option("agent_name", As::Text))]);

const TOOL: Group = Group::plain(&[
    kind("TOOL"),
    rule("tool.name", Source::Own("tool_name", As::Text)),
    rule("tool.id", Source::Own("tool_call_id", As::Text)),
]);

const SERVED: Group = Group::plain(&[
    rule("llm.provider", Source::Asked(Asked::Provider)),
    rule("llm.system", Source::Asked(Asked::Provider)),
]);

const SESSION: Group = Group::options(&[rule("session.id", Source::Option("conversation_id", As::Text))]);

const MODEL: Group = Group::plain(&[rule("llm.model_name", Source::Answered(Answered::ModelElseAsked))]);

const EMBEDDING_MODEL: Group =
    Group::plain(&[rule("embedding.model_name", Source::Answered(Answered::ModelElseAsked))]);

const RERANKER_MODEL: Group =
    Group::plain(&[rule("reranker.model_name", Source::Answered(Answered::ModelElseAsked))]);

const USAGE: Group = Group::usage(&[
    rule("llm.token_count.prompt", Source::Tokens(Tokens::Input)),
    rule("llm.token_count.completion", Source::Tokens(Tokens::Output)),
    rule("llm.token_count.total", Source::Tokens(Tokens::Total)),
    rule("llm.token_count.prompt_details.cache_read", Source::Tokens(Tokens::CacheRead)),
    rule("llm.token_count.prompt_details.cache_write", Source::Tokens(Tokens::CacheWrite)),
    rule("llm.token_count.completion_details.reasoning", Source::Tokens(Tokens::Reasoning)),
]);

const INPUT: Group = Group::input(&[
    rule("input.value", Source::Input(Form::Text)),
    rule("input.mime_type", Source::Input(Form::MimeType)),
]);

const OUTPUT: Group = Group::output(&[
    rule("output.value", Source::Output(Form::Text)),
    rule("output.mime_type", Source::Output(Form::MimeType)),
]);

const fn kind(kind: &'static str) -> Rule {
    rule("openinference.span.kind", Source::Is(kind))
}

const fn rule(key: &'static str, source: Source) -> Rule {
    Rule { key, source }
}
