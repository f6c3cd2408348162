//! Anthropic messages: usage begins in `message_start` and is final in the last `message_delta`.

use crate::facts::{Facts, last};
use crate::usage::anthropic;
use serde_json::Value;

pub(crate) fn read(facts: &mut Facts, event: &Value) {
    let message = &event["message"];
    // A whole answer is the message itself.
    for message in [message, event] {
        last(&mut facts.model, &message["model"]);
        last(&mut facts.id, &message["id"]);
        facts.report(anthropic, &message["usage"]);
        facts.finish(&Value::Null, &message["stop_reason"]);
    }
    facts.finish(&Value::Null, &event["delta"]["stop_reason"]);
    if event["type"] == "error" {
        facts.fail(&event["error"], &["type"]);
    }
}
