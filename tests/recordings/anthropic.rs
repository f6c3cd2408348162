//! Anthropic messages: usage begins in `message_start` and is final in the last `message_delta`.

use crate::facts::{Counts, Facts, Provider, count, last};
use allm_telemetry::Usage;
use serde_json::Value;

pub(crate) const PROVIDER: Provider = Provider { read, usage };

fn read(facts: &mut Facts, event: &Value) {
    let message = &event["message"];
    last(&mut facts.model, &message["model"]);
    last(&mut facts.id, &message["id"]);
    counts(&mut facts.counts, &message["usage"]);
    counts(&mut facts.counts, &event["usage"]);
    facts.finish(&Value::Null, &message["stop_reason"]);
    facts.finish(&Value::Null, &event["delta"]["stop_reason"]);
    if event["type"] == "error" {
        facts.fail(&event["error"], &["type"]);
    }
}

fn counts(counts: &mut Counts, usage: &Value) {
    count(&mut counts.input, &usage["input_tokens"]);
    count(&mut counts.output, &usage["output_tokens"]);
    count(&mut counts.cached, &usage["cache_read_input_tokens"]);
    count(&mut counts.cache_write, &usage["cache_creation_input_tokens"]);
}

/// Anthropic's input leaves out what was read from and written to the cache.
fn usage(counts: &Counts) -> Usage {
    let usage = Usage::new().input(counts.input).output(counts.output);
    usage.cached_beside(counts.cached).cache_write_beside(counts.cache_write)
}
