//! Attributes without a name in any convention, as `allm.…`, and `error.type`. They are sent with every profile.

use super::attribute::{Attribute, count, key, literal};
use super::rule::Rule;
use crate::event::SpanName;

pub(super) fn rules(span: SpanName) -> Vec<Rule> {
    let groups: &[&[Rule]] = match span {
        SpanName::Generate | SpanName::Stream => &[START, END, ATTEMPTS, USAGE, STREAM],
        SpanName::Step | SpanName::Chat => &[START, END, USAGE, STREAM],
        SpanName::Tool => &[START, END, STREAM],
        SpanName::Image => &[START, END, ATTEMPTS, USAGE, IMAGE, STREAM],
        SpanName::Embed => &[START, INPUTS, END, ATTEMPTS, USAGE, EMBED, STREAM],
        SpanName::Moderate => &[START, INPUTS, END, ATTEMPTS, USAGE, MODERATE, STREAM],
        SpanName::Classify => &[START, END, ATTEMPTS, USAGE, CLASSIFY, STREAM],
        SpanName::Synthesize => &[START, END, ATTEMPTS, USAGE, SYNTHESIZE, STREAM],
        SpanName::Transcribe => &[START, END, ATTEMPTS, USAGE, TRANSCRIBE, STREAM],
        SpanName::Retrieve => &[START, END, RETRIEVE, STREAM],
        SpanName::Rerank => &[START, END, ATTEMPTS, USAGE, RERANK, STREAM],
    };
    groups.concat()
}

const START: &[Rule] = &[
    Rule::start("allm.request_id", "`request_id`", |it| {
        Some(Attribute::text(it.start.request_id().as_str()))
    }),
    Rule::start("allm.span_id", "`span_id`", |it| Some(Attribute::text(it.start.span_id.to_hex()))),
    Rule::start("allm.invalid_request_id", "`invalid_request_id`", |it| it.text("invalid_request_id")),
    Rule::start("allm.engine", "`engine`", |it| key(&it.start.engine)),
];

const END: &[Rule] = &[
    Rule::end("allm.outcome", "`outcome`", |it| literal(it.end?.outcome.as_str())),
    // Not part of the conventions for generative AI: OpenTelemetry defines it for spans of any kind.
    Rule::end("error.type", "`error_type`, if the outcome is `error` or `panicked`", |it| {
        it.error_type().map(Attribute::Text)
    }),
    Rule::end("allm.usage_status", "`usage_status`", |it| {
        let end = it.end.filter(|end| it.start.name.is_call() || end.stream.is_some())?;
        literal(end.usage_status().as_str())
    }),
    Rule::end("allm.cost_usd", "`cost_usd`", |it| it.cost.map(Attribute::Float)),
    Rule::end("allm.cost_source", "`cost_source`", |it| it.cost.and(it.optional("cost_source"))),
    Rule::end("allm.provider_request_id", "`provider_request_id`", |it| it.optional("provider_request_id")),
    Rule::end("allm.usage_issue", "`usage_issue`", |it| it.optional("usage_issue")),
];

const ATTEMPTS: &[Rule] =
    &[Rule::end("allm.attempts", "`attempts`", |it| count(Some(it.end?.attempts.into())))];

/// Parts that have no name in any convention, or only in some.
const USAGE: &[Rule] = &[
    Rule::end("allm.usage.cache_write_5m_tokens", "`usage`: `cache_write_5m_tokens`", |it| {
        count(it.usage?.cache_write_5m_tokens())
    }),
    Rule::end("allm.usage.cache_write_1h_tokens", "`usage`: `cache_write_1h_tokens`", |it| {
        count(it.usage?.cache_write_1h_tokens())
    }),
    Rule::end("allm.usage.tool_prompt_tokens", "`usage`: `tool_prompt_tokens`", |it| {
        count(it.usage?.tool_prompt_tokens())
    }),
    Rule::end("allm.usage.audio_input_tokens", "`usage`: `audio_input_tokens`", |it| {
        count(it.usage?.audio_input_tokens())
    }),
    Rule::end("allm.usage.image_input_tokens", "`usage`: `image_input_tokens`", |it| {
        count(it.usage?.image_input_tokens())
    }),
    Rule::end("allm.usage.audio_output_tokens", "`usage`: `audio_output_tokens`", |it| {
        count(it.usage?.audio_output_tokens())
    }),
    Rule::end("allm.usage.image_output_tokens", "`usage`: `image_output_tokens`", |it| {
        count(it.usage?.image_output_tokens())
    }),
    Rule::end("allm.usage.web_search_requests", "`usage`: `web_search_requests`", |it| {
        count(it.usage_beside_tokens()?.web_search_requests())
    }),
    Rule::end("allm.usage.billed_input_tokens", "`usage`: `billed_input_tokens`", |it| {
        count(it.usage_beside_tokens()?.billed_input_tokens())
    }),
    Rule::end("allm.usage.billed_output_tokens", "`usage`: `billed_output_tokens`", |it| {
        count(it.usage_beside_tokens()?.billed_output_tokens())
    }),
    // Not a count, so it stands on each span on which it was recorded.
    Rule::end("allm.usage.service_tier", "`usage`: `service_tier`", |it| {
        it.results()?.usage.as_ref()?.service_tier().map(Attribute::text)
    }),
];

/// Only where the span wrapped a stream.
const STREAM: &[Rule] = &[
    Rule::end("allm.chunk_count", "`chunk_count`", |it| count(Some(it.stream()?.chunk_count))),
    Rule::end("allm.time_to_first_chunk", "`time_to_first_chunk` in seconds", |it| {
        it.stream()?.time_to_first_chunk.map(Attribute::seconds)
    }),
    Rule::end("allm.time_to_first_reasoning", "`time_to_first_reasoning` in seconds", |it| {
        it.seconds("time_to_first_reasoning")
    }),
    Rule::end("allm.time_to_first_answer", "`time_to_first_answer` in seconds", |it| {
        it.seconds("time_to_first_answer")
    }),
    Rule::end("allm.producer_wait", "`producer_wait` in seconds", |it| {
        Some(Attribute::seconds(it.stream()?.producer_wait))
    }),
    Rule::end("allm.longest_wait", "`longest_wait` in seconds", |it| {
        Some(Attribute::seconds(it.stream()?.longest_wait))
    }),
    Rule::end("allm.consumer_time", "`consumer_time` in seconds", |it| {
        Some(Attribute::seconds(it.stream()?.consumer_time))
    }),
];

const IMAGE: &[Rule] = &[
    Rule::start("allm.operation", "`operation`", |it| it.text("operation")),
    Rule::end("allm.image_count", "`image_count`", |it| it.measurement("image_count")),
];

const INPUTS: &[Rule] = &[Rule::start("allm.input_count", "`input_count`", |it| it.int("input_count"))];

const EMBED: &[Rule] = &[
    Rule::end("allm.embedding_count", "`embedding_count`", |it| it.measurement("embedding_count")),
    Rule::end("allm.batch_count", "`batch_count`", |it| it.measurement("batch_count")),
];

const MODERATE: &[Rule] = &[
    Rule::start("allm.multimodal", "`multimodal`", |it| it.bool("multimodal")),
    Rule::end("allm.result_count", "`result_count`", |it| it.measurement("result_count")),
    Rule::end("allm.flagged_count", "`flagged_count`", |it| it.measurement("flagged_count")),
];

const CLASSIFY: &[Rule] = &[
    Rule::start("allm.question_count", "`question_count`", |it| it.int("question_count")),
    Rule::end("allm.answer_count", "`answer_count`", |it| it.measurement("answer_count")),
];

const SYNTHESIZE: &[Rule] = &[
    Rule::start("allm.input_length", "`input_length`", |it| it.int("input_length")),
    Rule::end("allm.audio_bytes", "`audio_bytes`", |it| it.measurement("audio_bytes")),
];

const TRANSCRIBE: &[Rule] = &[
    Rule::start("allm.audio_mime", "`audio_mime`", |it| it.text("audio_mime")),
    Rule::end("allm.text_length", "`text_length`", |it| it.measurement("text_length")),
];

const RETRIEVE: &[Rule] =
    &[Rule::end("allm.document_count", "`document_count`", |it| it.measurement("document_count"))];

const RERANK: &[Rule] = &[
    Rule::start("allm.document_count", "`document_count`", |it| it.int("document_count")),
    Rule::end("allm.result_count", "`result_count`", |it| it.measurement("result_count")),
];
