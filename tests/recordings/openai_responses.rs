//! The OpenAI Responses API: named events, some of which carry the whole response so far.

use crate::facts::{Facts, last};
use crate::usage::openai;
use serde_json::Value;

pub(crate) fn read(facts: &mut Facts, event: &Value) {
    // A whole answer is the response itself.
    let response = event.get("response").unwrap_or(event);
    last(&mut facts.model, &response["model"]);
    last(&mut facts.id, &response["id"]);
    facts.report(openai, &response["usage"]);
    // A failed response has a code and no type. OpenAI sends an error event flat, some hosts send an object.
    for error in [&event["response"]["error"], &event["error"]] {
        if error.is_object() {
            facts.fail(error, &["type", "code"]);
        }
    }
    if event["type"] == "error" {
        facts.fail(event, &["code"]);
    }
}
