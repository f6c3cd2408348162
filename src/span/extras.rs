use super::error_class::OTHER;
use crate::event::{Failure, Measurements, Metadata, Results, SpanName};

/// Applies the extras returned by the work of [`span`](crate::span) to the results. Returns the error, if they contain
/// one.
pub(crate) fn apply_extras(
    name: SpanName,
    measurements: Measurements,
    extras: Metadata,
    results: &mut Results,
) -> Option<Failure> {
    for (key, value) in measurements {
        results.measure(key, value);
    }
    let (mut text, mut error_type) = (None, None);
    for (key, value) in extras {
        match &*key {
            "error" => text = value.into_text(),
            "error_type" => error_type = value.into_text(),
            _ => results.set(name, key, value),
        }
    }
    (text.is_some() || error_type.is_some()).then(|| Failure {
        error_type: error_type.unwrap_or(OTHER.into()),
        text,
        stacktrace: None,
    })
}
