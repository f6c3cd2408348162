//! OpenAI chat completions, and the many hosts that speak them. Other answers of OpenAI are like one frame of them.

use crate::facts::{Facts, first};
use crate::usage::openai;
use serde_json::Value;

pub(crate) fn read(facts: &mut Facts, chunk: &Value) {
    first(&mut facts.model, &chunk["model"]);
    first(&mut facts.id, &chunk["id"]);
    // Groq reports it there as well, unasked.
    facts.report(openai, &chunk["x_groq"]["usage"]);
    facts.report(openai, &chunk["usage"]);
    for choice in chunk["choices"].as_array().into_iter().flatten() {
        facts.finish(&choice["index"], &choice["finish_reason"]);
    }
    if !chunk["error"].is_null() {
        facts.fail(&chunk["error"], &["type", "code"]);
    }
}
