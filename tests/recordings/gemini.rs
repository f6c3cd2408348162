//! Gemini and Vertex AI: every frame is a whole response, with running totals. And Gemini's interactions, in events.

use crate::facts::{Facts, first, last};
use crate::usage::gemini;
use serde_json::Value;

pub(crate) fn read(facts: &mut Facts, response: &Value) {
    last(&mut facts.model, &response["modelVersion"]);
    first(&mut facts.id, &response["responseId"]);
    facts.report(gemini, &response["usageMetadata"]);
    for candidate in response["candidates"].as_array().into_iter().flatten() {
        facts.finish(&candidate["index"], &candidate["finishReason"]);
    }
    if !response["error"].is_null() {
        facts.fail(&response["error"], &["status"]);
    }
}

pub(crate) fn read_interaction(facts: &mut Facts, event: &Value) {
    // A whole answer is the interaction itself.
    let interaction = event.get("interaction").unwrap_or(event);
    last(&mut facts.model, &interaction["model"]);
    first(&mut facts.id, &interaction["id"]);
    facts.report(gemini, &interaction["usage"]);
}
