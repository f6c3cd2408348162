//! Transcriptions, Cohere, Ollama and Bedrock. Of the last two there are no server-sent events, so only their usage matters.

use crate::facts::{Facts, first, last};
use crate::usage::{bedrock, bedrock_invoke, bedrock_metrics, cohere, ollama, openai};
use allm_telemetry::Usage;
use serde_json::Value;

/// The ids in it are those of segments.
pub(crate) fn read_transcription(facts: &mut Facts, event: &Value) {
    facts.report(openai, &event["usage"]);
}

/// Cohere's chat, embeddings and rankings; chat in its first and second version.
pub(crate) fn read_cohere(facts: &mut Facts, event: &Value) {
    first(&mut facts.id, &event["id"]);
    first(&mut facts.id, &event["generation_id"]);
    for object in [event, &event["delta"], &event["response"]] {
        facts.report(cohere, &object["usage"]);
        facts.report(cohere, &object["meta"]);
        facts.finish(&Value::Null, &object["finish_reason"]);
    }
}

pub(crate) fn read_ollama(facts: &mut Facts, line: &Value) {
    last(&mut facts.model, &line["model"]);
    facts.report(ollama, line);
    facts.finish(&Value::Null, &line["done_reason"]);
}

pub(crate) fn read_converse(facts: &mut Facts, event: &Value) {
    facts.report(bedrock, &event["usage"]);
    facts.finish(&Value::Null, &event["stopReason"]);
}

pub(crate) fn read_invoke(facts: &mut Facts, event: &Value) {
    facts.report(bedrock_invoke, event);
    if facts.usage == Usage::new() {
        facts.report(bedrock_metrics, &event["amazon-bedrock-invocationMetrics"]);
    }
}
