//! What the end of a stream's span tells, in one value: a difference shows whole.

use crate::facts::Facts;
use crate::recording::Recording;
use crate::usage::Counts;
use allm_telemetry::event::{Outcome, OwnedEvent, Value, ValueRef};
use std::collections::BTreeMap;

#[derive(Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) outcome: Option<Outcome>,
    pub(crate) error_type: Option<String>,
    pub(crate) chunk_count: Option<u64>,
    pub(crate) usage: Counts,
    pub(crate) usage_status: Option<String>,
    pub(crate) response_model: Option<String>,
    pub(crate) response_id: Option<String>,
    /// By choice; one that goes on is missing.
    pub(crate) finish_reasons: BTreeMap<usize, String>,
}

impl Told {
    pub(crate) fn by(stop: &OwnedEvent) -> Self {
        let stop = stop.as_event();
        let text = |key: &str| stop.metadata(key)?.as_str().map(str::to_owned);
        let reasons = match stop.metadata("finish_reasons") {
            Some(ValueRef::List(reasons)) => reasons,
            _ => &[],
        };
        let by_choice = reasons.iter().enumerate().filter(|(_, reason)| **reason != Value::Null);
        Self {
            outcome: stop.outcome(),
            error_type: text("error_type"),
            chunk_count: stop.measurement("chunk_count").and_then(|count| count.as_u64()),
            usage: stop.usage().map(Counts::of).unwrap_or_default(),
            usage_status: text("usage_status"),
            response_model: text("response_model"),
            response_id: text("response_id"),
            finish_reasons: by_choice.map(|(choice, reason)| (choice, reason.to_string())).collect(),
        }
    }

    /// What a recording that was read to its end must tell, by its own `expected`.
    pub(crate) fn whole(recording: &Recording) -> Self {
        let error_type = recording.error_type();
        let outcome = if error_type.is_some() { Outcome::Error } else { Outcome::Completed };
        Self {
            chunk_count: recording.chunk_count(),
            usage: recording.expected(),
            usage_status: Some(status(recording.expected(), outcome)),
            response_model: recording.response_model(),
            response_id: recording.response_id(),
            finish_reasons: recording.finish_reasons(),
            outcome: Some(outcome),
            error_type,
        }
    }

    /// What must be told when the reader left after `chunks` chunks that said these `facts`.
    pub(crate) fn partial(facts: &Facts, chunks: usize) -> Self {
        let error_type = facts.error.as_ref().map(|error| error.kind.clone());
        let outcome = if error_type.is_some() { Outcome::Error } else { Outcome::Dropped };
        Self {
            chunk_count: Some(chunks as u64),
            usage: Counts::of(&facts.usage),
            usage_status: Some(status(Counts::of(&facts.usage), outcome)),
            response_model: facts.model.clone(),
            response_id: facts.id.clone(),
            finish_reasons: facts.finish_reasons.clone(),
            outcome: Some(outcome),
            error_type,
        }
    }
}

fn status(usage: Counts, outcome: Outcome) -> String {
    let known = Counts { cost: None, ..usage } != Counts::default();
    let status = match outcome {
        _ if !known => "unknown",
        Outcome::Completed => "reported",
        _ => "partial",
    };
    status.to_owned()
}
