use super::error_class::OTHER;
use crate::event::{Failure, Measurements, Metadata, Results, SpanName, Usage, Value};

/// Applies the extras returned by the work of [`span`](crate::span) to the results: standard result keys, user-defined keys
/// and, as the returned value, an error.
pub(crate) fn apply_extras(
    name: SpanName,
    measurements: Measurements,
    extras: Metadata,
    results: &mut Results,
) -> Option<Failure> {
    results.measurements = measurements;
    let (mut text, mut error_type) = (None, None);
    for (key, value) in extras {
        match &*key {
            key if key == name.row().result_key() => results.value = value,
            "usage" => results.usage = usage(&value).filter(Usage::is_known),
            "response_model" => results.response_model = value.into_text(),
            "response_id" => results.response_id = value.into_text(),
            "finish_reasons" => results.finish_reasons = list(value),
            "output" => results.output = Some(value),
            "error" => text = value.into_text(),
            "error_type" => error_type = value.into_text(),
            // A key that only the crate or the start sets is ignored when the event is read.
            _ => drop(results.metadata.insert(key, value)),
        }
    }
    (text.is_some() || error_type.is_some()).then(|| Failure {
        error_type: error_type.unwrap_or(OTHER.into()),
        text,
        stacktrace: None,
    })
}

/// Reads a map as returned by `Value::from(&Usage)`.
fn usage(value: &Value) -> Option<Usage> {
    let Value::Map(counts) = value else { return None };
    let count = |key| counts.get(key).and_then(|count| count.as_value_ref().as_u64());
    let usage = Usage::new().input(count("input_tokens")).output(count("output_tokens"));
    let usage = usage.cached(count("cached_tokens")).cache_write(count("cache_write_tokens"));
    Some(usage.reasoning(count("reasoning_tokens")))
}

fn list(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Null => None,
        Value::List(values) => Some(values),
        one => Some(vec![one]),
    }
}
