//! MLflow: its REST interface.

use std::collections::BTreeMap;

use allm_telemetry::SpanName;
use allm_telemetry_otlp::Failure;
use serde_json::Value;

use crate::phoenix::get;
use crate::seen::{self, Seen, ensure};
use crate::sent::{Sent, kind};

pub(crate) async fn check(url: &str, sent: &Sent) -> Result<(), Failure> {
    let (trace, seen) = seen(url, &sent.trace_id()).await?;
    seen::check(&seen, sent, shown)?;

    let counted = tokens(&trace)?;
    ensure(counted == sent.tokens(), || format!("{counted:?} tokens, not {:?}", sent.tokens()))?;
    let session = &trace["trace_info"]["trace_metadata"]["mlflow.trace.session"];
    ensure(*session == sent.session.as_str(), || format!("the session is {session}"))?;
    Ok(())
}

/// Returns the tokens that are counted for a trace, input and output.
pub(crate) fn tokens(trace: &Value) -> Result<(u64, u64), Failure> {
    let text = &trace["trace_info"]["trace_metadata"]["mlflow.trace.tokenUsage"];
    let counted: Value = serde_json::from_str(text.as_str().ok_or("no tokens")?)?;
    let count = |key| counted[key].as_u64().ok_or("no tokens");
    Ok((count("input_tokens")?, count("output_tokens")?))
}

/// Returns a trace and its spans.
pub(crate) async fn seen(url: &str, trace_id: &str) -> Result<(Value, Vec<Seen>), Failure> {
    let answer = get(&format!("{url}/api/3.0/mlflow/traces/get?trace_id=tr-{trace_id}")).await?;
    let trace = answer["trace"].clone();
    let spans = trace["spans"].as_array().ok_or("no list of spans")?;
    let seen = spans.iter().map(read).collect::<Option<_>>().ok_or("a span of another shape")?;
    Ok((trace, seen))
}

/// MLflow's name of a kind.
fn shown(span: SpanName) -> &'static str {
    kind(span)
}

fn read(span: &Value) -> Option<Seen> {
    let attributes: BTreeMap<String, Value> = span["attributes"]
        .as_array()?
        .iter()
        .filter_map(|attribute| Some((attribute["key"].as_str()?.to_owned(), value(&attribute["value"]))))
        .collect();
    let nanoseconds = |value: &Value| match value {
        Value::String(text) => text.parse::<u64>().ok(),
        other => other.as_u64(),
    };
    let lasted = nanoseconds(&span["end_time_unix_nano"])? - nanoseconds(&span["start_time_unix_nano"])?;
    let text = |key: &str| attributes.get(key).and_then(|it| it.as_str()).map(str::to_owned);
    Some(Seen {
        name: span["name"].as_str()?.to_owned(),
        id: span["span_id"].as_str()?.to_owned(),
        parent: span["parent_span_id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned),
        kind: text("mlflow.spanType")?,
        model: text("mlflow.llm.model"),
        milliseconds: lasted as f64 / 1e6,
        is_error: span["status"]["code"] == "STATUS_CODE_ERROR" || span["status"]["code"] == 2,
        attributes,
    })
}

/// A value of OTLP in JSON; texts may contain JSON themselves.
fn value(of: &Value) -> Value {
    let Some((kind, value)) = of.as_object().and_then(|it| it.iter().next()) else { return Value::Null };
    match (kind.as_str(), value) {
        ("string_value", Value::String(text)) => {
            let inner = serde_json::from_str(text).ok().filter(Value::is_string);
            inner.unwrap_or_else(|| value.clone())
        }
        _ => value.clone(),
    }
}
