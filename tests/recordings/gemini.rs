//! Gemini and Vertex AI: every frame is a whole response, with running totals.

use crate::facts::{Counts, Facts, Provider, count, first, last};
use allm_telemetry::Usage;
use serde_json::Value;

pub(crate) const PROVIDER: Provider = Provider { read, usage };

fn read(facts: &mut Facts, response: &Value) {
    last(&mut facts.model, &response["modelVersion"]);
    first(&mut facts.id, &response["responseId"]);
    counts(&mut facts.counts, &response["usageMetadata"]);
    for candidate in response["candidates"].as_array().into_iter().flatten() {
        facts.finish(&candidate["index"], &candidate["finishReason"]);
    }
    if !response["error"].is_null() {
        facts.fail(&response["error"], &["status"]);
    }
}

fn counts(counts: &mut Counts, usage: &Value) {
    count(&mut counts.input, &usage["promptTokenCount"]);
    count(&mut counts.output, &usage["candidatesTokenCount"]);
    count(&mut counts.cached, &usage["cachedContentTokenCount"]);
    count(&mut counts.reasoning, &usage["thoughtsTokenCount"]);
}

/// Gemini's output leaves out the thinking; its input has the cached tokens in it.
fn usage(counts: &Counts) -> Usage {
    let usage = Usage::new().output(counts.output).reasoning_beside(counts.reasoning);
    usage.input(counts.input).cached(counts.cached)
}
