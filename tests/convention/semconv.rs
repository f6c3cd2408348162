//! OpenTelemetry's own list of what GenAI 1.41 knows: `ALLM_SEMCONV` names a JSON file of it. Unset, the test says so
//! and passes.

use std::collections::BTreeMap;

use allm_telemetry::{SpanName, convention::Profile, event::Outcome};
use serde_json::Value;

use crate::shown::{all_content, ended, ended_with_rare_results, shown};

fn list() -> Option<Value> {
    let Some(path) = std::env::var_os("ALLM_SEMCONV") else {
        eprintln!("NOT TESTED: names against OpenTelemetry's own list, because ALLM_SEMCONV is not set");
        return None;
    };
    let text = std::fs::read_to_string(&path).expect("ALLM_SEMCONV names a file");
    Some(serde_json::from_str(&text).expect("a file of JSON"))
}

/// The convention's type of a value, told by how it was sent.
fn kind(sent: &str) -> &'static str {
    match sent.split('(').next().unwrap() {
        "Int" => "int",
        "Float" => "double",
        "Bool" => "boolean",
        "Texts" => "string[]",
        _ => "string",
    }
}

#[test]
fn every_genai_attribute_is_in_opentelemetrys_list_with_its_type() {
    let Some(list) = list() else { return };
    let convention = all_content().profiles([Profile::Otel1_41]);
    let mut sent: BTreeMap<String, &str> = BTreeMap::new();
    for &span in SpanName::ALL {
        for (key, value) in shown(&convention, &ended(span, Outcome::Completed)).typed {
            sent.insert(key, kind(&value));
        }
        let dropped = shown(&convention, &ended(span, Outcome::Dropped)).typed;
        sent.extend(dropped.into_iter().map(|(key, value)| (key, kind(&value))));
        let rare = shown(&convention, &ended_with_rare_results(span)).typed;
        sent.extend(rare.into_iter().map(|(key, value)| (key, kind(&value))));
    }
    let ours: Vec<_> = sent.iter().filter(|(key, _)| key.starts_with("gen_ai.")).collect();
    assert!(ours.len() > 30, "{ours:?}");
    for (key, kind) in ours {
        let known = list["attributes"][key]["type"].as_str();
        // An enum is text, and what may be of any type is sent as JSON text.
        let fits = matches!((known, *kind), (Some("enum" | "any"), "string")) || known == Some(kind);
        assert!(fits, "{key} is sent as {kind} and is {known:?}");
    }
}

#[test]
fn every_genai_instrument_is_in_opentelemetrys_list_with_its_unit_and_buckets() {
    let Some(list) = list() else { return };
    let mut known = 0;
    for instrument in all_content().instruments().iter().filter(|it| it.name.starts_with("gen_ai.")) {
        let listed = &list["metrics"][&*instrument.name];
        if let Some(unit) = listed["unit"].as_str() {
            known += 1;
            assert_eq!(unit, instrument.unit, "{}", instrument.name);
            assert_eq!(listed["buckets"], serde_json::json!(instrument.boundaries()), "{}", instrument.name);
        } else {
            // Of the repository in which the convention goes on.
            let added = list.as_object().unwrap().values().filter_map(Value::as_array).flatten();
            assert!(added.into_iter().any(|name| *name == *instrument.name), "{}", instrument.name);
        }
        for label in instrument.label_keys().filter(|label| label.starts_with("gen_ai.")) {
            assert!(list["attributes"][label].is_object(), "{label} of {}", instrument.name);
        }
    }
    assert_eq!(known, 4);
}
