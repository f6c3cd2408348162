//! The formats in which content is exported.

use std::borrow::Cow;

use super::attribute::Attribute;
use super::policy::Outgoing;
use crate::event::{Metadata, Outcome, Value, ValueRef, json};

/// Converts content: a text is unchanged, anything else becomes JSON. [`mime_type`] returns which.
pub(super) fn text<'a>(outgoing: &Outgoing<'a>) -> Attribute<'a> {
    match outgoing {
        Outgoing::AsIs(value) => Attribute::Text(text_of(*value)),
        Outgoing::Changed(value) => Attribute::Text(text_of(value.as_value_ref()).into_owned().into()),
    }
}

pub(super) fn mime_type<'a>(outgoing: &Outgoing<'a>) -> Attribute<'a> {
    let is_text = matches!(outgoing.value(), ValueRef::Text(_));
    Attribute::Literal(if is_text { "text/plain" } else { "application/json" })
}

fn text_of(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Text(text) => text.into(),
        other => {
            let mut text = String::new();
            json::value(&mut text, other);
            text.into()
        }
    }
}

/// Converts content to a list of messages in JSON, as OpenTelemetry's schemas of [input] and [output] require.
///
/// A list of messages may be in OpenTelemetry's form (`role`, `parts`) or in that of most providers (`role`, `content`).
/// Everything else becomes the text of one message. Each message of an output has a `finish_reason`, because a backend
/// drops the whole list otherwise: that of the message, else that of the choice, else one derived from the outcome.
///
/// [input]: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-input-messages.json
/// [output]: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-output-messages.json
pub(super) fn messages<'a>(outgoing: &Outgoing<'a>, answer: Option<&Answer<'_>>) -> Attribute<'a> {
    let mut out = String::new();
    match outgoing.value() {
        ValueRef::List(values) if !values.is_empty() && values.iter().all(|it| role(it).is_some()) => {
            json::list(&mut out, values.iter().enumerate(), |out, (index, one)| {
                message(out, one.as_value_ref(), index, answer);
            });
        }
        one => json::list(&mut out, [one], |out, one| message(out, one, 0, answer)),
    }
    Attribute::text(out)
}

/// The data of the span that the messages of an output contain.
pub(super) struct Answer<'a> {
    pub(super) finish_reasons: Option<&'a [Value]>,
    pub(super) outcome: Outcome,
}

impl Answer<'_> {
    fn finish_reason(&self, choice: usize) -> &str {
        let recorded = self.finish_reasons.and_then(|reasons| reasons.get(choice)?.as_value_ref().as_str());
        recorded.unwrap_or(match self.outcome {
            Outcome::Completed => "unknown",
            Outcome::Error | Outcome::Panicked => "error",
            cut_short => cut_short.as_str(),
        })
    }
}

fn message(out: &mut String, value: ValueRef<'_>, index: usize, answer: Option<&Answer<'_>>) {
    let fields = match value {
        ValueRef::Map(fields) => Some(fields),
        _ => None,
    };
    let role = fields.and_then(|fields| text_at(fields, "role"));
    let default = if answer.is_some() { "assistant" } else { "user" };
    out.push_str("{\"role\":");
    json::text(out, role.unwrap_or(default));
    out.push_str(",\"parts\":");
    match fields.and_then(parts) {
        Some(parts) => json::value(out, ValueRef::List(parts)),
        None => {
            let words = fields.and_then(content).map_or_else(|| text_of(value), Cow::Borrowed);
            out.push_str("[{\"type\":\"text\",\"content\":");
            json::text(out, &words);
            out.push_str("}]");
        }
    }
    if let Some(answer) = answer {
        out.push_str(",\"finish_reason\":");
        let own = fields.and_then(|fields| text_at(fields, "finish_reason"));
        json::text(out, own.unwrap_or_else(|| answer.finish_reason(index)));
    }
    out.push('}');
}

/// Returns the parts of a message, if they are in OpenTelemetry's form: each has a type.
fn parts(fields: &Metadata) -> Option<&[Value]> {
    let Some(Value::List(parts)) = fields.get("parts") else { return None };
    let is_part = |part: &Value| matches!(part, Value::Map(part) if text_at(part, "type").is_some());
    (!parts.is_empty() && parts.iter().all(is_part)).then_some(parts)
}

/// Returns the text of a message without other fields.
fn content(fields: &Metadata) -> Option<&str> {
    // With a field that is not known, such as `tool_calls`, the whole message becomes JSON, so that nothing is lost.
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
