//! What no convention has a name for: sent with every profile, as `allm.…`.

use super::group::Group;
use super::rule::{As, Asked, Row, Rule, Source, StreamPart};
use crate::event::SpanName;

pub(super) const fn row(span: SpanName) -> &'static Row {
    &ROWS[span as usize]
}

static ROWS: [Row; SpanName::ALL.len()] = [
    // generate
    Row { start: &[START], end: &[END, ATTEMPTS, STREAM] },
    // stream
    Row { start: &[START], end: &[END, ATTEMPTS, STREAM] },
    // step
    Row { start: &[START], end: &[END, STREAM] },
    // chat
    Row { start: &[START], end: &[END, STREAM] },
    // tool
    Row { start: &[START], end: &[END, STREAM] },
    // image
    Row { start: &[START, IMAGE], end: &[END, ATTEMPTS, IMAGES, STREAM] },
    // embed
    Row { start: &[START, INPUTS], end: &[END, ATTEMPTS, EMBEDDINGS, STREAM] },
    // moderate
    Row { start: &[START, INPUTS, MULTIMODAL], end: &[END, ATTEMPTS, RESULTS, STREAM] },
    // classify
    Row { start: &[START, QUESTIONS], end: &[END, ATTEMPTS, ANSWERS, STREAM] },
    // synthesize
    Row { start: &[START, LENGTH], end: &[END, ATTEMPTS, BYTES, STREAM] },
    // transcribe
    Row { start: &[START, MIME], end: &[END, ATTEMPTS, TEXT, STREAM] },
    // retrieve
    Row { start: &[START], end: &[END, FOUND, STREAM] },
    // rerank
    Row { start: &[START, RANKED], end: &[END, ATTEMPTS, KEPT, STREAM] },
];

const START: Group = Group::plain(&[
    rule("allm.request_id", Source::RequestId),
    rule("allm.span_id", Source::SpanId),
    rule("allm.engine", Source::Asked(Asked::Engine)),
]);

/// The class of an error is OpenTelemetry's, not of its GenAI part: whichever profile is sent, a backend finds it.
const END: Group =
    Group::plain(&[rule("allm.outcome", Source::Outcome), rule("error.type", Source::ErrorType)]);

const ATTEMPTS: Group = Group::plain(&[rule("allm.attempts", Source::Attempts)]);

/// Only where the span wrapped a stream.
const STREAM: Group = Group::stream(&[
    rule("allm.usage_status", Source::UsageStatus),
    rule("allm.chunk_count", Source::Stream(StreamPart::Chunks)),
    rule("allm.time_to_first_chunk", Source::Stream(StreamPart::FirstChunk)),
    rule("allm.producer_wait", Source::Stream(StreamPart::ProducerWait)),
    rule("allm.longest_wait", Source::Stream(StreamPart::LongestWait)),
    rule("allm.consumer_time", Source::Stream(StreamPart::ConsumerTime)),
]);

const IMAGE: Group = Group::plain(&[rule("allm.operation", Source::Own("operation", As::Text))]);
const IMAGES: Group = Group::plain(&[rule("allm.image_count", Source::Count("image_count"))]);

const INPUTS: Group = Group::plain(&[rule("allm.input_count", Source::Own("input_count", As::Int))]);
const EMBEDDINGS: Group = Group::plain(&[
    rule("allm.embedding_count", Source::Count("embedding_count")),
    rule("allm.batch_count", Source::Count("batch_count")),
]);

const MULTIMODAL: Group = Group::plain(&[rule("allm.multimodal", Source::Own("multimodal", As::Bool))]);
const RESULTS: Group = Group::plain(&[
    rule("allm.result_count", Source::Count("result_count")),
    rule("allm.flagged_count", Source::Count("flagged_count")),
]);

const QUESTIONS: Group = Group::plain(&[rule("allm.question_count", Source::Own("question_count", As::Int))]);
const ANSWERS: Group = Group::plain(&[rule("allm.answer_count", Source::Count("answer_count"))]);

const LENGTH: Group = Group::plain(&[rule("allm.input_length", Source::Own("input_length", As::Int))]);
const BYTES: Group = Group::plain(&[rule("allm.audio_bytes", Source::Count("audio_bytes"))]);

const MIME: Group = Group::plain(&[rule("allm.audio_mime", Source::Own("audio_mime", As::Text))]);
const TEXT: Group = Group::plain(&[rule("allm.text_length", Source::Count("text_length"))]);

const FOUND: Group = Group::plain(&[rule("allm.document_count", Source::Count("document_count"))]);

const RANKED: Group = Group::plain(&[rule("allm.document_count", Source::Own("document_count", As::Int))]);
const KEPT: Group = Group::plain(&[rule("allm.result_count", Source::Count("result_count"))]);

const fn rule(key: &'static str, source: Source) -> Rule {
    Rule { key, source }
}
