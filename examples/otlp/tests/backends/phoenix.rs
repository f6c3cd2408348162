//! Phoenix: its REST interface.

use std::time::Duration;

use allm_telemetry_otlp::Failure;
use serde_json::Value;

use crate::seen::{self, Seen, ensure};
use crate::sent::{Sent, kind};

pub(crate) async fn check(url: &str, sent: &Sent) -> Result<(), Failure> {
    let seen = seen(url, &sent.trace_id(), sent.ends.len()).await?;
    seen::check(&seen, sent, kind)?;

    let counted = tokens(url, &sent.trace_id()).await?;
    ensure(counted == sent.tokens(), || format!("{counted:?} tokens, not {:?}", sent.tokens()))?;

    let sessions = get(&format!("{url}/v1/projects/default/sessions?limit=1000")).await?;
    let session = sessions["data"]
        .as_array()
        .and_then(|all| all.iter().find(|session| session["session_id"] == sent.session.as_str()));
    let has_trace = |session: &Value| session["traces"].to_string().contains(&sent.trace_id());
    ensure(session.is_some_and(has_trace), || format!("no session {}", sent.session))?;
    Ok(())
}

/// Returns the tokens that are counted for a trace, input and output.
pub(crate) async fn tokens(url: &str, trace_id: &str) -> Result<(u64, u64), Failure> {
    let traces = get(&format!("{url}/v1/projects/default/traces?limit=1000")).await?;
    let all = traces["data"].as_array().ok_or("no list of traces")?;
    let trace = all.iter().find(|trace| trace["trace_id"] == trace_id).ok_or("no trace")?;
    let tokens = (trace["token_count_prompt"].as_u64(), trace["token_count_completion"].as_u64());
    Ok((tokens.0.ok_or("no tokens")?, tokens.1.ok_or("no tokens")?))
}

/// Returns the spans of a trace. It waits, because spans can be read only some time after they were accepted.
pub(crate) async fn seen(url: &str, trace_id: &str, count: usize) -> Result<Vec<Seen>, Failure> {
    let trace = Value::from(trace_id);
    for _ in 0..100 {
        let page = get(&format!("{url}/v1/projects/default/spans?limit=1000")).await?;
        let all = page["data"].as_array().ok_or("no list of spans")?;
        let ours: Vec<&Value> = all.iter().filter(|it| it["context"]["trace_id"] == trace).collect();
        if ours.len() >= count {
            let seen = ours.into_iter().map(read).collect::<Option<_>>();
            return Ok(seen.ok_or("a span of another shape")?);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("the spans did not appear within 10 s".into())
}

fn read(span: &Value) -> Option<Seen> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let attributes = span["attributes"].as_object()?.clone().into_iter().collect();
    Some(Seen {
        name: text(&span["name"])?,
        id: text(&span["context"]["span_id"])?,
        parent: text(&span["parent_id"]),
        kind: text(&span["span_kind"])?,
        model: text(&span["attributes"]["llm.model_name"]),
        milliseconds: seconds(span["end_time"].as_str()?)? * 1e3
            - seconds(span["start_time"].as_str()?)? * 1e3,
        is_error: span["status_code"] == "ERROR",
        attributes,
    })
}

/// Of `2026-11-22T22:47:40.653008+00:00`: the seconds since midnight, which is enough for a difference.
fn seconds(time: &str) -> Option<f64> {
    let clock = time.split_once('T')?.1;
    let clock = clock.split(['+', 'Z']).next()?;
    clock.split(':').try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))
}

pub(crate) async fn get(url: &str) -> Result<Value, Failure> {
    let http = reqwest::Client::builder().tls_certs_only([]).no_proxy().build()?;
    let response = http.get(url).send().await?.error_for_status()?;
    Ok(serde_json::from_slice(&response.bytes().await?)?)
}
