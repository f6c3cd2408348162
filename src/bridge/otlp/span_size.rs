use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// Returns about how many bytes a span that waits takes. It is the same each time.
// Called in the task whose span ends, so it is a sum and not the size of the encoded span.
pub(super) fn span_size(span: &SpanData) -> usize {
    let events = span.events.iter().map(|event| event.name.len() + of_attributes(&event.attributes));
    let links = span.links.iter().map(|link| of_attributes(&link.attributes));
    let entries = (span.events.len() + span.links.len()) * ENTRY;
    let rest = events.chain(links).sum::<usize>() + entries;
    size_of::<SpanData>() + span.name.len() + of_attributes(&span.attributes) + rest
}

/// The size of an event or a link without its texts and attributes.
const ENTRY: usize = 128;

fn of_attributes(attributes: &[KeyValue]) -> usize {
    attributes.iter().map(of_attribute).sum()
}

fn of_attribute(attribute: &KeyValue) -> usize {
    let text = match &attribute.value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::String(texts)) => {
            texts.iter().map(|text| size_of_val(text) + text.as_str().len()).sum()
        }
        Value::Array(Array::I64(numbers)) => size_of_val(&**numbers),
        Value::Array(Array::F64(numbers)) => size_of_val(&**numbers),
        Value::Array(Array::Bool(truths)) => size_of_val(&**truths),
        _ => 0,
    };
    // Keys are literals or shared.
    size_of::<KeyValue>() + text
}
