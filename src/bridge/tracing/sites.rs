use std::borrow::Cow;

use tracing::Level;

use super::site::{Site, Spec};
use crate::convention::Convention;
use crate::event::{EventName, Phase, SpanName};

/// The callsites of a bridge.
#[derive(Debug)]
pub(super) struct Sites {
    /// In the order of [`SpanName::ALL`], as the next.
    spans: Vec<&'static Site>,
    first_chunks: Vec<&'static Site>,
    retry: &'static Site,
    exception: &'static Site,
}

pub(super) const NAME: &str = "otel.name";
pub(super) const KIND: &str = "otel.kind";
pub(super) const STATUS: &str = "otel.status_code";
pub(super) const DESCRIPTION: &str = "otel.status_description";
pub(super) const OUTCOME: &str = "allm.outcome";
pub(super) const MESSAGE: &str = "message";
pub(super) const EXCEPTION: &str = "exception";

const FIRST_CHUNK_KEYS: [&str; 2] = [MESSAGE, "allm.time_to_first_chunk"];
const RETRY_KEYS: [&str; 5] = [MESSAGE, "allm.attempt", "allm.delay", "allm.error_type", "allm.reason"];
const EXCEPTION_KEYS: [&str; 4] = [MESSAGE, "exception.type", "exception.stacktrace", "exception.message"];

impl Sites {
    pub(super) fn new(convention: &Convention, target: &'static str, level: Level) -> Self {
        let site = |is_span, name: Cow<'static, str>, keys: Vec<Cow<'static, str>>| {
            Site::of(Spec { is_span, name, target, level, keys })
        };
        let event = |name: &EventName, keys: &[&'static str]| {
            site(false, name.as_str().to_owned().into(), keys.iter().map(|key| Cow::Borrowed(*key)).collect())
        };
        let all = SpanName::ALL.iter().copied();
        Self {
            spans: all.clone().map(|span| site(true, span.as_str().into(), keys(convention, span))).collect(),
            first_chunks: all.map(|span| event(&span.event(Phase::FirstChunk), &FIRST_CHUNK_KEYS)).collect(),
            retry: event(&EventName::RETRY, &RETRY_KEYS),
            exception: site(false, EXCEPTION.into(), EXCEPTION_KEYS.map(Cow::Borrowed).to_vec()),
        }
    }

    pub(super) fn span(&self, span: SpanName) -> &'static Site {
        self.spans[span as usize]
    }

    /// Of what happened inside a span: its first chunk, or a retry.
    pub(super) fn note(&self, span: Option<SpanName>) -> &'static Site {
        span.map_or(self.retry, |span| self.first_chunks[span as usize])
    }

    pub(super) fn exception(&self) -> &'static Site {
        self.exception
    }
}

/// A field that its callsite does not declare vanishes.
fn keys(convention: &Convention, span: SpanName) -> Vec<Cow<'static, str>> {
    let mut keys: Vec<Cow<'static, str>> = vec![NAME.into(), KIND.into()];
    keys.extend(convention.rules(span).map(|rule| Cow::Borrowed(rule.key())));
    for key in convention.user_keys().iter().cloned().chain([STATUS.into(), DESCRIPTION.into()]) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}
