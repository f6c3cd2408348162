//! What a provider's frames say, kept in the provider's own numbers until they are asked for in ours.

use allm_telemetry::{Record, Usage};
use serde_json::Value;
use std::collections::BTreeMap;

/// How to read one wire protocol.
#[derive(Clone, Copy)]
pub(crate) struct Provider {
    /// Takes over what one frame says; the last number wins, field by field.
    pub(crate) read: fn(&mut Facts, &Value),
    /// The vendor's counts as ours: input includes the cached tokens, output the reasoning.
    pub(crate) usage: fn(&Counts) -> Usage,
}

/// What was heard so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) counts: Counts,
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

/// Token counts as the vendor counts them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
    pub(crate) cached: Option<u64>,
    pub(crate) cache_write: Option<u64>,
    pub(crate) reasoning: Option<u64>,
}

impl Facts {
    /// An error and nothing else.
    pub(crate) fn of_failure(kind: &str, text: &str) -> Self {
        let error = Some(Failure { kind: kind.to_owned(), text: text.to_owned() });
        Self { error, ..Self::default() }
    }

    /// Hears one event's data; what is no JSON object (`[DONE]`) says nothing.
    pub(crate) fn hear(&mut self, provider: Provider, data: &str) {
        if let Ok(frame @ Value::Object(_)) = serde_json::from_str(data) {
            (provider.read)(self, &frame);
        }
    }

    pub(crate) fn usage(&self, provider: Provider) -> Option<Usage> {
        self.counts.usage(provider)
    }

    /// Records on a span what was heard, after each frame.
    pub(crate) fn tell(&self, provider: Provider, record: &mut Record<'_>) {
        if let Some(usage) = self.usage(provider) {
            record.usage(usage);
        }
        if let Some(model) = &self.model {
            record.response_model(model.clone());
        }
        if let Some(id) = &self.id {
            record.response_id(id.clone());
        }
        for (choice, reason) in &self.finish_reasons {
            record.finish_reason_of(*choice, reason.clone());
        }
        if let Some(error) = &self.error {
            record.error(error.kind.clone(), &error.text);
        }
    }

    /// Takes over why a choice has ended, if it has.
    pub(crate) fn finish(&mut self, choice: &Value, reason: &Value) {
        let choice = choice.as_u64().and_then(|choice| choice.try_into().ok()).unwrap_or(0);
        self.finish_reasons.extend(word(reason).map(|reason| (choice, reason)));
    }

    /// Keeps the first failure; its class is the first of `keys` that is a word.
    pub(crate) fn fail(&mut self, error: &Value, keys: &[&str]) {
        let kind = keys.iter().find_map(|key| error[key].as_str()).unwrap_or("_OTHER");
        let text = error["message"].as_str().unwrap_or_default();
        self.error.get_or_insert_with(|| Failure { kind: kind.to_owned(), text: text.to_owned() });
    }
}

impl Counts {
    /// In our terms, if anything is known.
    pub(crate) fn usage(&self, provider: Provider) -> Option<Usage> {
        (*self != Self::default()).then(|| (provider.usage)(self))
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

/// Keeps the last number.
pub(crate) fn count(slot: &mut Option<u64>, number: &Value) {
    *slot = number.as_u64().or(*slot);
}

/// A word as the wire spells it; some hosts send an enum's number in its place.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
