//! What a provider's frames say.

use allm_telemetry::{Record, Usage};
use serde_json::Value;
use std::collections::BTreeMap;

/// How to read one wire protocol: takes over what one document says.
pub(crate) type Read = fn(&mut Facts, &Value);

/// What was heard so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// What the documents so far report, merged.
    pub(crate) usage: Usage,
    /// What the latest document reports.
    latest_usage: Usage,
    pub(crate) model: Option<String>,
    pub(crate) id: Option<String>,
    /// Why each choice has ended, by its index.
    pub(crate) finish_reasons: BTreeMap<usize, String>,
    pub(crate) error: Option<Failure>,
}

/// An error that a frame of a 200 stream carries.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) text: String,
}

impl Facts {
    /// An error and nothing else.
    pub(crate) fn of_failure(kind: &str, text: &str) -> Self {
        let error = Some(Failure { kind: kind.to_owned(), text: text.to_owned() });
        Self { error, ..Self::default() }
    }

    /// Hears one event's data; what is no JSON object (`[DONE]`) says nothing.
    pub(crate) fn hear(&mut self, read: Read, data: &str) {
        self.latest_usage = Usage::new();
        if let Ok(frame @ Value::Object(_)) = serde_json::from_str(data) {
            read(self, &frame);
        }
    }

    /// Takes over a usage object, if it is one.
    pub(crate) fn report(&mut self, read: fn(&Value) -> Usage, object: &Value) {
        if object.is_object() {
            let usage = read(object);
            self.usage.merge(&usage);
            self.latest_usage.merge(&usage);
        }
    }

    /// Records on a span what was heard: of the usage, what the latest frame reports.
    pub(crate) fn tell(&self, record: &mut Record<'_>) {
        record.usage(self.latest_usage.clone());
        if let Some(model) = &self.model {
            record.response_model(model);
        }
        if let Some(id) = &self.id {
            record.response_id(id);
        }
        for (choice, reason) in &self.finish_reasons {
            record.finish_reason_of(*choice, reason);
        }
        if let Some(error) = &self.error {
            record.error(&error.kind, &error.text);
        }
    }

    /// Takes over why a choice has ended, if it has.
    pub(crate) fn finish(&mut self, choice: &Value, reason: &Value) {
        let choice = choice.as_u64().and_then(|choice| choice.try_into().ok()).unwrap_or(0);
        self.finish_reasons.extend(word(reason).map(|reason| (choice, reason)));
    }

    /// Keeps the first failure; its class is the first of `keys` that is a word.
    pub(crate) fn fail(&mut self, error: &Value, keys: &[&str]) {
        let kind = keys.iter().find_map(|key| word(&error[key]));
        let kind = kind.unwrap_or_else(|| "_OTHER".to_owned());
        let text = error["message"].as_str().unwrap_or_default();
        self.error.get_or_insert_with(|| Failure { kind, text: text.to_owned() });
    }
}

/// Keeps the first text that is not empty.
pub(crate) fn first(slot: &mut Option<String>, text: &Value) {
    *slot = slot.take().or_else(|| word(text));
}

/// Keeps the last text that is not empty.
pub(crate) fn last(slot: &mut Option<String>, text: &Value) {
    *slot = word(text).or(slot.take());
}

/// A word as the wire spells it; some hosts send an enum's number in its place.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
