//! The OpenAI Responses API: named events, some of which carry the whole response so far.

use crate::facts::{Counts, Facts, Provider, count, last};
use crate::openai_chat::usage;
use serde_json::Value;

pub(crate) const PROVIDER: Provider = Provider { read, usage };

fn read(facts: &mut Facts, event: &Value) {
    let response = &event["response"];
    last(&mut facts.model, &response["model"]);
    last(&mut facts.id, &response["id"]);
    counts(&mut facts.counts, &response["usage"]);
    // A failed response has a code and no type. OpenAI sends an error event flat, some hosts send an object.
    for error in [&response["error"], &event["error"]] {
        if error.is_object() {
            facts.fail(error, &["type", "code"]);
        }
    }
    if event["type"] == "error" {
        facts.fail(event, &["code"]);
    }
}

fn counts(counts: &mut Counts, usage: &Value) {
    count(&mut counts.input, &usage["input_tokens"]);
    count(&mut counts.output, &usage["output_tokens"]);
    count(&mut counts.cached, &usage["input_tokens_details"]["cached_tokens"]);
    count(&mut counts.reasoning, &usage["output_tokens_details"]["reasoning_tokens"]);
}
