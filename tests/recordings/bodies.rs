//! The JSON documents in a recorded body: one, one a line, in server-sent events, or in the frames of Amazon's event streams.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;

/// The documents of a recorded answer, in order.
pub(crate) fn documents(recording: &Value) -> Vec<Value> {
    if let Some(binary) = recording["body_base64"].as_str() {
        let bytes = BASE64_STANDARD.decode(binary).expect("a recording is base64");
        return if recording["provider"] == "bedrock" { frames(&bytes) } else { Vec::new() };
    }
    let body = recording["body"].as_str().unwrap_or_default();
    match serde_json::from_str(body) {
        // Gemini streams an array of documents unless server-sent events are asked for.
        Ok(Value::Array(all)) => all,
        Ok(one) => vec![one],
        Err(_) => body.lines().filter_map(line).collect(),
    }
}

fn line(line: &str) -> Option<Value> {
    serde_json::from_str(line.strip_prefix("data:").unwrap_or(line)).ok()
}

/// The payloads of the frames. Each frame is: its length, the length of its headers and a checksum, four bytes each; the headers;
/// the payload; a checksum.
fn frames(mut bytes: &[u8]) -> Vec<Value> {
    let length = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("four bytes")) as usize;
    let mut payloads = Vec::new();
    while bytes.len() >= 16 {
        let (frame, rest) = bytes.split_at(length(&bytes[..4]));
        let payload: Value = serde_json::from_slice(&frame[12 + length(&frame[4..8])..frame.len() - 4])
            .expect("a payload is JSON");
        // An invoked model's own document is inside.
        let inner = payload["bytes"].as_str().and_then(|inner| BASE64_STANDARD.decode(inner).ok());
        payloads.push(inner.and_then(|inner| serde_json::from_slice(&inner).ok()).unwrap_or(payload));
        bytes = rest;
    }
    payloads
}
