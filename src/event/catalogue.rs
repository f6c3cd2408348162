use super::span_name::SpanName;

/// The first segment of every event that this crate names: `allm`.
///
/// # Examples
///
/// ```
/// let ours = allm_telemetry::handler::list_handlers(allm_telemetry::event::event_prefix());
/// assert!(ours.is_empty());
/// ```
#[must_use]
pub const fn event_prefix() -> &'static str {
    "allm"
}

/// What one span's events carry beside what all of them carry.
///
/// The docs' table of events is made from these rows, and events are rendered from them.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SpanRow {
    /// The span.
    pub name: SpanName,
    /// Metadata from the start on, asked for where the span is built.
    pub start_keys: &'static [&'static str],
    /// Measurements at the end. A count is 0 until something says otherwise.
    pub measurements: &'static [&'static str],
    /// Metadata at the end. The first is the span's own result.
    pub result_keys: &'static [&'static str],
}

/// One row a span, in the order of [`SpanName::ALL`].
pub static CATALOGUE: [SpanRow; SpanName::ALL.len()] = [
    row(
        SpanName::Generate,
        &[],
        &[],
        &["response", "usage", "response_model", "response_id", "finish_reasons", "attempts"],
    ),
    row(
        SpanName::Stream,
        &[],
        STREAM_MEASUREMENTS,
        &["response", "usage", "usage_status", "response_model", "response_id", "finish_reasons", "attempts"],
    ),
    row(SpanName::Step, &[], &[], &["step_result"]),
    row(SpanName::Chat, &[], &[], &["chat_result"]),
    row(SpanName::Tool, &["tool_call_id", "tool_name"], &[], &["result"]),
    row(SpanName::Image, &["operation", "n"], &["image_count"], MODEL_RESULTS),
    row(SpanName::Embed, &["input_count"], &["embedding_count", "batch_count"], MODEL_RESULTS),
    row(
        SpanName::Moderate,
        &["input_count", "multimodal"],
        &["result_count", "flagged_count"],
        MODEL_RESULTS,
    ),
    row(SpanName::Classify, &["question_count"], &["answer_count"], MODEL_RESULTS),
    row(SpanName::Synthesize, &["input_length"], &["audio_bytes"], MODEL_RESULTS),
    row(SpanName::Transcribe, &["audio_mime"], &["text_length"], MODEL_RESULTS),
];

const MODEL_RESULTS: &[&str] = &["response", "usage", "attempts"];

/// The most start keys that one span has.
pub(crate) const MAX_START_KEYS: usize = 2;

/// What every end of a span that wraps a stream measures.
pub(crate) const STREAM_MEASUREMENTS: &[&str] =
    &["chunk_count", "time_to_first_chunk", "producer_wait", "longest_wait", "consumer_time"];

/// Start keys that stand only when they were set.
pub(crate) const OPTIONAL_START_KEYS: &[&str] = &[
    "provider",
    "agent_name",
    "conversation_id",
    "server_address",
    "server_port",
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "stop_sequences",
];

/// Keys that only the crate sets, whatever a user says.
pub(crate) const STANDARD_END_KEYS: &[&str] = &[
    "span_id",
    "parent_span_id",
    "outcome",
    "error",
    "error_type",
    "kind",
    "reason",
    "stacktrace",
    "usage_status",
];

impl SpanName {
    /// What this span's events carry.
    #[must_use]
    #[inline]
    pub fn row(self) -> &'static SpanRow {
        &CATALOGUE[self as usize]
    }

    /// Whether its end says how often the call was tried.
    pub(crate) fn counts_attempts(self) -> bool {
        !matches!(self, Self::Step | Self::Chat | Self::Tool)
    }
}

impl SpanRow {
    /// The key of the span's own result: `response`, `step_result`, `chat_result` or `result`.
    #[must_use]
    pub fn result_key(&self) -> &'static str {
        self.result_keys[0]
    }
}

const fn row(
    name: SpanName,
    start_keys: &'static [&'static str],
    measurements: &'static [&'static str],
    result_keys: &'static [&'static str],
) -> SpanRow {
    SpanRow { name, start_keys, measurements, result_keys }
}
