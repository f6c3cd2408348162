//! The shapes in which content leaves.

use std::borrow::Cow;

use crate::event::{Metadata, Outcome, Value, ValueRef, json};

/// A text as it is, anything else as JSON: in the form that [`mime_type`] names.
pub(super) fn text<'a>(value: ValueRef<'a>) -> Cow<'a, str> {
    match value {
        ValueRef::Text(text) => text.into(),
        other => {
            let mut text = String::new();
            json::value(&mut text, other);
            text.into()
        }
    }
}

pub(super) fn mime_type(value: ValueRef<'_>) -> &'static str {
    if matches!(value, ValueRef::Text(_)) { "text/plain" } else { "application/json" }
}

/// A list of messages as OpenTelemetry's schemas of [input] and [output] ask for it, in JSON.
///
/// A list of messages is taken as one, in OpenTelemetry's form (`role`, `parts`) or in the usual one (`role`, `content`);
/// everything else becomes the text of one message. Each message of an output has a `finish_reason`, because a backend
/// drops the whole list otherwise: the message's own, else the choice's, else one made of the outcome.
///
/// [input]: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-input-messages.json
/// [output]: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-output-messages.json
pub(super) fn messages(value: ValueRef<'_>, answer: Option<&Answer<'_>>) -> String {
    let mut out = String::new();
    match value {
        ValueRef::List(values) if !values.is_empty() && values.iter().all(|it| role(it).is_some()) => {
            json::list(&mut out, values.iter().enumerate(), |out, (place, one)| {
                message(out, one.as_value_ref(), place, answer);
            });
        }
        one => json::list(&mut out, [one], |out, one| message(out, one, 0, answer)),
    }
    out
}

/// What an output's messages need to know of the span.
pub(super) struct Answer<'a> {
    pub(super) finish_reasons: Option<&'a [Value]>,
    pub(super) outcome: Outcome,
}

impl Answer<'_> {
    fn finish_reason(&self, choice: usize) -> &str {
        let told = self.finish_reasons.and_then(|reasons| reasons.get(choice)?.as_value_ref().as_str());
        told.unwrap_or(match self.outcome {
            Outcome::Completed => "unknown",
            Outcome::Error | Outcome::Panicked => "error",
            cut_short => cut_short.as_str(),
        })
    }
}

fn message(out: &mut String, value: ValueRef<'_>, place: usize, answer: Option<&Answer<'_>>) {
    let fields = match value {
        ValueRef::Map(fields) => Some(fields),
        _ => None,
    };
    let told = fields.and_then(|fields| text_at(fields, "role"));
    let default = if answer.is_some() { "assistant" } else { "user" };
    out.push_str("{\"role\":");
    json::text(out, told.unwrap_or(default));
    out.push_str(",\"parts\":");
    match fields.and_then(parts) {
        Some(parts) => json::value(out, ValueRef::List(parts)),
        None => {
            let words = fields.and_then(content).map_or_else(|| text(value), Cow::Borrowed);
            out.push_str("[{\"type\":\"text\",\"content\":");
            json::text(out, &words);
            out.push_str("}]");
        }
    }
    if let Some(answer) = answer {
        out.push_str(",\"finish_reason\":");
        let own = fields.and_then(|fields| text_at(fields, "finish_reason"));
        json::text(out, own.unwrap_or_else(|| answer.finish_reason(place)));
    }
    out.push('}');
}

/// Parts in OpenTelemetry's form: each with a type.
fn parts(fields: &Metadata) -> Option<&[Value]> {
    let Some(Value::List(parts)) = fields.get("parts") else { return None };
    let is_part = |part: &Value| matches!(part, Value::Map(part) if text_at(part, "type").is_some());
    (!parts.is_empty() && parts.iter().all(is_part)).then_some(parts)
}

/// The text of a message that has nothing else to say.
fn content(fields: &Metadata) -> Option<&str> {
    let known = ["role", "content", "finish_reason"];
    fields.iter().all(|(key, _)| known.contains(&key)).then(|| text_at(fields, "content"))?
}

fn role(value: &Value) -> Option<&str> {
    match value {
        Value::Map(fields) => text_at(fields, "role"),
        _ => None,
    }
}

fn text_at<'f>(fields: &'f Metadata, key: &str) -> Option<&'f str> {
    fields.get(key)?.as_value_ref().as_str()
}
