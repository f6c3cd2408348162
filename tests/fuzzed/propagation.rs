use std::collections::BTreeMap;

use allm_telemetry::{Context, event::Value, propagation::Propagation};

const NAMES: [&str; 4] = ["x-request-id", "traceparent", "tracestate", "baggage"];

/// Headers of any text are read without an error, and what was read of them can be sent on and read again.
///
/// The bytes are the values of the headers, a line each. A line that is not UTF-8 stands for a header that is not there.
pub(crate) fn check(bytes: &[u8]) {
    let values = bytes.split(|byte| *byte == b'\n').map(|line| std::str::from_utf8(line).ok());
    let headers: BTreeMap<&str, &str> =
        NAMES.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?))).collect();
    let propagation = Propagation::new().accept_baggage(["a", "k"]).send_baggage(["a", "k"]);
    let context = Context::default().extract(&propagation, |name| headers.get(name));

    let has_id = headers.contains_key(NAMES[0]) || headers.contains_key(NAMES[1]);
    assert!(has_id || context.request_id().is_none(), "an id from nowhere");
    let text = |key| match context.baggage(key) {
        None => None,
        Some(Value::Text(text)) => Some(text.clone()),
        Some(other) => panic!("baggage is text, not {other:?}"),
    };
    // A character takes at least a byte in a header; what replaces a byte that is not UTF-8 has three.
    let length = headers.get("baggage").map_or(0, |value| value.len());
    assert!(["a", "k"].into_iter().filter_map(text).all(|text| text.len() <= 3 * length));

    let sent = sent(&propagation, &context);
    for (name, value) in &sent {
        let visible = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        assert!(visible && !value.is_empty() && value.trim() == value, "{name}: {value:?}");
    }
    assert!(sent.get("baggage").is_none_or(|value| value.len() <= 8_192));
    let ignored = propagation.ignored();
    let again = Context::default().extract(&propagation, |name| sent.get(name));
    assert_eq!(again.request_id(), context.request_id());
    assert_eq!(self::sent(&propagation, &again), sent);
    assert_eq!(propagation.ignored(), ignored, "what is sent is well-formed: {sent:?}");
}

fn sent(propagation: &Propagation, context: &Context) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    context.inject(propagation, |name, value| {
        headers.insert(name.to_owned(), value.to_owned());
    });
    headers
}
