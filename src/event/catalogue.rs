/// Returns the first segment of every event that this crate names: `allm`.
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

/// The definition of one span. See [`SpanName::row`](crate::SpanName::row).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SpanRow {
    /// The span's name, as used in event names.
    pub name: &'static str,
    /// What the span represents, for the documentation.
    pub description: &'static str,
    /// Metadata of all events, set where the span is created.
    pub start_keys: &'static [&'static str],
    /// Measurements at the end. A count is 0 until an observer records it.
    pub measurements: &'static [&'static str],
    /// Metadata at the end. The first is the span's own result.
    pub result_keys: &'static [&'static str],
    /// Whether the span is a call to a model.
    pub is_call: bool,
}

impl SpanRow {
    /// Returns the key of the span's own result: `response`, `step_result`, `chat_result`, …
    #[must_use]
    pub const fn result_key(&self) -> &'static str {
        self.result_keys[0]
    }
}

/// The measurements at every end of a span that wraps a stream: the fields of [`StreamTimes`](super::end::StreamTimes).
// To add a measurement, add a name here and a field there. The compiler reports `StreamTimes::values`, and a test reports that no
// rule exports it.
pub(crate) const STREAM_MEASUREMENTS: &[&str] =
    &["chunk_count", "time_to_first_chunk", "producer_wait", "longest_wait", "consumer_time"];

/// Start keys of any span that are present only if they were set. They are on all events of the span.
pub const OPTIONAL_START_KEYS: &[&str] = &[
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

/// Result keys of any span that are present only if they were recorded. They are on its end.
///
/// Not among them: `output`, which is content, and `usage`, which is a result key of every call and optional on a step or chat.
// To add a key: its name here, a method of `Record` that calls `set_optional` with a text or a number, and its attribute in
// `convention/common.rs`. Everything else reads this list. Tests report a key that has no attribute, and the docs to rewrite.
pub const OPTIONAL_END_KEYS: &[&str] = &["cost_source", "provider_request_id", "usage_issue"];

/// Measurements of any span that are present only if they were recorded. They are on its end.
pub const OPTIONAL_END_MEASUREMENTS: &[&str] =
    &["time_to_first_reasoning", "time_to_first_answer", "cost_usd"];

/// Keys that the user cannot set, besides the optional keys and those of the span's own row.
pub(crate) const RESERVED_KEYS: &[&str] = &[
    "span_id",
    "parent_span_id",
    "invalid_request_id",
    "outcome",
    "error",
    "error_type",
    "kind",
    "reason",
    "stacktrace",
    "usage",
    "usage_status",
];
