//! Text for the parts of a line, made of an event.

use std::time::Duration;

use super::text::{Time, clean};
use crate::convention::policy::Policy;
use crate::event::{Content, Entry, Event, Outcome, SpanName, Usage};

/// The longest name, model or error class, in characters.
const NAME: usize = 48;

/// The longest text of content, in characters.
const TEXT: usize = 160;

/// How a span ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) duration: Duration,
    pub(super) details: String,
    /// Allowed content, one line each.
    pub(super) texts: Vec<String>,
}

impl End {
    /// `None` if the event does not end a span.
    pub(super) fn of(event: &Event<'_>, policy: &Policy) -> Option<Self> {
        let (outcome, duration) = (event.outcome()?, event.duration()?);
        let texts = texts(event, policy, |key| key != "input");
        Some(Self { outcome, duration, details: details(event, outcome, policy), texts })
    }
}

/// The span's name and its subject: the tool, the model, otherwise the agent or the engine.
pub(super) fn label(event: &Event<'_>) -> String {
    let Some(span) = event.span() else { return String::new() };
    let subjects: &[&str] = match span {
        SpanName::Tool => &["tool_name"],
        SpanName::Retrieve => &["data_source"],
        SpanName::Image => &["operation", "model"],
        _ if event.metadata("model").is_some_and(|model| !model.is_null()) => &["model"],
        // These are not calls, so they have no engine of their own.
        SpanName::Chat | SpanName::Step => &["agent_name"],
        _ => &["engine"],
    };
    let subjects = subjects.iter().filter_map(|key| name(event, key));
    subjects.fold(span.as_str().to_owned(), |label, subject| label + " " + &subject)
}

/// The id of the event's request, sanitized.
pub(super) fn request_id(event: &Event<'_>) -> String {
    clean(event.request_id().unwrap_or_default(), 128)
}

/// The input, if the policy allows it.
pub(super) fn input(event: &Event<'_>, policy: &Policy) -> Option<String> {
    texts(event, policy, |key| key == "input").pop()
}

/// A retry on one line.
pub(super) fn retry(event: &Event<'_>, policy: &Policy) -> String {
    let number = |key| event.metadata(key).and_then(|value| value.as_u64());
    let attempt = number("attempt").map(|attempt| format!(" {attempt}"));
    let delay = number("delay_ms").map(|delay| format!(" in {}", Time(Duration::from_millis(delay))));
    let mut parts = vec![format!("retry{}{}", attempt.unwrap_or_default(), delay.unwrap_or_default())];
    parts.extend(name(event, "error_type"));
    parts.extend(texts(event, policy, |_| true));
    parts.join("  ")
}

fn name(event: &Event<'_>, key: &str) -> Option<String> {
    let value = event.metadata(key).filter(|value| !value.is_null())?;
    Some(clean(&value.to_string(), NAME))
}

/// The content that the policy allows, one line each.
fn texts(event: &Event<'_>, policy: &Policy, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let is_content = |entry: &Entry<'_>| !entry.from_user && Content::of_key(entry.key) != Content::NONE;
    let line = |entry: Entry<'_>| {
        let outgoing = policy.apply(&entry)?;
        let value = outgoing.value();
        (!value.is_null()).then(|| format!("{}: {}", entry.key, clean(&value.to_string(), TEXT)))
    };
    let entries = event.metadata_entries().filter(|entry| is_content(entry) && wanted(entry.key));
    entries.filter_map(line).collect()
}

/// What a span did, the most important first.
fn details(event: &Event<'_>, outcome: Outcome, policy: &Policy) -> String {
    let mut parts = Vec::new();
    if outcome == Outcome::Error {
        parts.extend(name(event, "error_type"));
    }
    let number = |key| event.measurement(key).and_then(|value| value.as_u64());
    if let Some(time) = number("time_to_first_chunk") {
        parts.push(format!("first chunk {}", Time(Duration::from_nanos(time))));
    }
    parts.extend(event.usage().and_then(tokens));
    parts.extend(event.measurement("cost_usd").map(|usd| format!("${usd}")));
    for entry in event.measurements().filter(|entry| !entry.from_user) {
        // Chunks show how far a stream came, which is of no interest once it has completed.
        let is_complete_stream = entry.key == "chunk_count" && outcome == Outcome::Completed;
        if let Some(count) = entry.value.as_u64().filter(|count| *count > 0 && !is_complete_stream) {
            parts.extend(counted(entry.key, count));
        }
    }
    if let Some(attempts) = event.metadata("attempts").and_then(|it| it.as_u64()).filter(|it| *it > 1) {
        parts.push(format!("{attempts} attempts"));
    }
    if let Some(id) = name(event, "invalid_request_id") {
        parts.push(format!("invalid request id {id}"));
    }
    let own = event.measurements().chain(event.metadata_entries()).filter(|entry| entry.from_user);
    for entry in own.filter(|entry| policy.apply(entry).is_some()) {
        parts.push(format!("{}={}", clean(entry.key, NAME), clean(&entry.value.to_string(), NAME)));
    }
    parts.join("  ")
}

/// `3 images`; `None` for a measurement that is not a count.
fn counted(key: &str, count: u64) -> Option<String> {
    let (one, many) = match key {
        "batch_count" => ("batch", "batches".to_owned()),
        "flagged_count" => ("flagged", "flagged".to_owned()),
        "audio_bytes" => ("byte of audio", "bytes of audio".to_owned()),
        "text_length" => ("character", "characters".to_owned()),
        key => key.strip_suffix("_count").map(|noun| (noun, format!("{noun}s")))?,
    };
    Some(if count == 1 { format!("1 {one}") } else { format!("{count} {many}") })
}

/// `812 in (600 cached) 96 out (64 reasoning)`. Unknown counts are left out, and an estimate is marked as such.
fn tokens(usage: &Usage) -> Option<String> {
    let part = |count: Option<u64>, what| count.filter(|it| *it > 0).map(|it| format!(" ({it} {what})"));
    let whole = |count: Option<u64>, way, part: Option<String>| {
        Some(format!("{} {way}{}", count?, part.unwrap_or_default()))
    };
    let input = whole(usage.input_tokens(), "in", part(usage.cached_tokens(), "cached"));
    let output = whole(usage.output_tokens(), "out", part(usage.reasoning_tokens(), "reasoning"));
    let mut known: Vec<String> = input.into_iter().chain(output).collect();
    if usage.is_estimated() && !known.is_empty() {
        known.push("(estimated)".to_owned());
    }
    (!known.is_empty()).then(|| known.join(" "))
}
