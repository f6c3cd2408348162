//! OpenAI chat completions, and the many hosts that speak them.

use crate::facts::{Counts, Facts, Provider, count, first};
use allm_telemetry::Usage;
use serde_json::Value;

pub(crate) const PROVIDER: Provider = Provider { read, usage };

fn read(facts: &mut Facts, chunk: &Value) {
    first(&mut facts.model, &chunk["model"]);
    first(&mut facts.id, &chunk["id"]);
    counts(&mut facts.counts, &chunk["usage"]);
    for choice in chunk["choices"].as_array().into_iter().flatten() {
        facts.finish(&choice["index"], &choice["finish_reason"]);
    }
    if !chunk["error"].is_null() {
        facts.fail(&chunk["error"], &["type", "code"]);
    }
}

fn counts(counts: &mut Counts, usage: &Value) {
    count(&mut counts.input, &usage["prompt_tokens"]);
    count(&mut counts.output, &usage["completion_tokens"]);
    count(&mut counts.cached, &usage["prompt_tokens_details"]["cached_tokens"]);
    count(&mut counts.reasoning, &usage["completion_tokens_details"]["reasoning_tokens"]);
}

/// OpenAI counts as we do.
pub(crate) fn usage(counts: &Counts) -> Usage {
    let usage = Usage::new().input(counts.input).cached(counts.cached);
    usage.output(counts.output).reasoning(counts.reasoning)
}
