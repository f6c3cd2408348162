//! A span as a backend returns it, and the checks for every backend.

use std::collections::BTreeMap;

use allm_telemetry::{SpanName, event::SpanId};
use serde_json::Value;

use crate::sent::Sent;

#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) kind: String,
    pub(crate) model: Option<String>,
    pub(crate) milliseconds: f64,
    pub(crate) is_error: bool,
    /// By their dotted keys.
    pub(crate) attributes: BTreeMap<String, Value>,
}

pub(crate) type Checked = Result<(), String>;

pub(crate) fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

/// The tree, kinds, models, durations and content are those of the events.
pub(crate) fn check(seen: &[Seen], sent: &Sent, kind_of: fn(SpanName) -> &'static str) -> Checked {
    ensure(seen.len() == sent.ends.len(), || format!("{} spans of {}", seen.len(), sent.ends.len()))?;
    for (id, event) in &sent.ends {
        let event = event.as_event();
        let name = event.span().ok_or("an end of no span")?;
        let span = find(seen, *id)?;
        let wrong = |what: &str| format!("{what} of {name} is wrong: {span:#?}");
        ensure(sent.name(*id).as_ref() == Some(&span.name), || wrong("the name"))?;
        ensure(span.kind == kind_of(name), || wrong("the kind"))?;
        let parent = event.parent_span_id().map(|parent| find(seen, parent)).transpose()?;
        ensure(span.parent.as_ref() == parent.map(|parent| &parent.id), || wrong("the parent"))?;
        let ours = event.duration().ok_or("an end without a duration")?.as_secs_f64() * 1e3;
        ensure((span.milliseconds - ours).abs() < 1.0, || {
            format!("{}, not {ours} ms", wrong("the duration"))
        })?;
        ensure(!span.is_error, || wrong("the status"))?;
        if name == SpanName::Stream {
            ensure(span.model.as_deref() == Some("scripted-1"), || wrong("the model"))?;
        }
        let tokens = ["gen_ai.usage.input_tokens", "llm.token_count.prompt"];
        let has_tokens = tokens.iter().any(|key| span.attributes.contains_key(*key));
        ensure(has_tokens == (name == SpanName::Stream), || wrong("the usage"))?;
    }
    content(seen, sent)
}

fn find(seen: &[Seen], id: SpanId) -> Result<&Seen, String> {
    let id = Value::from(id.to_string());
    let mut found = seen.iter().filter(|span| span.attributes.get("allm.span_id") == Some(&id));
    let span = found.next().ok_or_else(|| format!("span {id} is not there"))?;
    ensure(found.next().is_none(), || format!("span {id} is there twice"))?;
    Ok(span)
}

/// The question and the answer are on the outermost span if allowed, without the cities; otherwise nowhere.
fn content(seen: &[Seen], sent: &Sent) -> Checked {
    let all = format!("{seen:?}");
    ensure(!["Lisbon", "Cascais"].iter().any(|city| all.contains(city)), || "a city was sent".to_owned())?;
    let root = seen.iter().find(|span| span.parent.is_none()).ok_or("no outermost span")?;
    let text = |key: &str| root.attributes.get(key).map(ToString::to_string).unwrap_or_default();
    let (question, answer) = (text("input.value"), text("output.value"));
    if sent.content {
        let both = question.contains("sailing near [city]") && answer.contains("go on Saturday");
        return ensure(both, || format!("the talk is not there: {root:#?}"));
    }
    let silent =
        question.is_empty() && answer.is_empty() && !all.contains("sailing") && !all.contains("train");
    ensure(silent, || format!("content was sent: {all}"))
}
