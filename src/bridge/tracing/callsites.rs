use std::borrow::Cow;

use tracing::Level;

use super::callsite::{CallsiteSpec, DynamicCallsite};
use crate::convention::Convention;
use crate::event::{EventName, Phase, SpanName};

/// The callsites of a bridge: one for each span name, and one for each event.
#[derive(Debug)]
pub(super) struct Callsites {
    /// In the order of [`SpanName::ALL`].
    spans: Vec<&'static DynamicCallsite>,
    /// In the order of [`SpanName::ALL`].
    first_chunks: Vec<&'static DynamicCallsite>,
    retry: &'static DynamicCallsite,
    exception: &'static DynamicCallsite,
}

pub(super) const NAME: &str = "otel.name";
pub(super) const KIND: &str = "otel.kind";
pub(super) const STATUS: &str = "otel.status_code";
pub(super) const DESCRIPTION: &str = "otel.status_description";
/// The user-defined keys that have no field of their own, as JSON.
pub(super) const USER: &str = "allm.user";
pub(super) const OUTCOME: &str = "allm.outcome";
pub(super) const MESSAGE: &str = "message";
pub(super) const EXCEPTION: &str = "exception";

const FIRST_CHUNK_KEYS: &[&str] = &[MESSAGE, "allm.time_to_first_chunk"];
const RETRY_KEYS: &[&str] = &[MESSAGE, "allm.attempt", "allm.delay", "allm.error_type", "allm.reason"];
const EXCEPTION_KEYS: &[&str] = &[MESSAGE, "exception.type", "exception.stacktrace", "exception.message"];

impl Callsites {
    pub(super) fn new(convention: &Convention, target: &'static str, level: Level) -> Self {
        let callsite = |is_span, name: Cow<'static, str>, keys| {
            DynamicCallsite::of(CallsiteSpec { is_span, name, target, level, keys })
        };
        let event = |name: Cow<'static, str>, keys: &[&'static str]| {
            callsite(false, name, keys.iter().map(|key| Cow::Borrowed(*key)).collect())
        };
        let span = |name: &SpanName| callsite(true, name.as_str().into(), span_keys(convention, *name));
        let first_chunk = |name: &SpanName| {
            event(name.event(Phase::FirstChunk).as_str().to_owned().into(), FIRST_CHUNK_KEYS)
        };
        Self {
            spans: SpanName::ALL.iter().map(span).collect(),
            first_chunks: SpanName::ALL.iter().map(first_chunk).collect(),
            retry: event(EventName::RETRY.as_str().to_owned().into(), RETRY_KEYS),
            exception: event(EXCEPTION.into(), EXCEPTION_KEYS),
        }
    }

    pub(super) fn span(&self, span: SpanName) -> &'static DynamicCallsite {
        self.spans[span as usize]
    }

    /// The callsite of an event inside a span: its first chunk, or a retry, which has no span name.
    pub(super) fn event(&self, span: Option<SpanName>) -> &'static DynamicCallsite {
        span.map_or(self.retry, |span| self.first_chunks[span as usize])
    }

    pub(super) fn exception(&self) -> &'static DynamicCallsite {
        self.exception
    }
}

/// Every key that the span can have: `tracing` drops the value of a field that its callsite does not declare.
fn span_keys(convention: &Convention, span: SpanName) -> Vec<Cow<'static, str>> {
    let mut keys: Vec<Cow<'static, str>> = vec![NAME.into(), KIND.into()];
    keys.extend(convention.rules(span).map(|rule| Cow::Borrowed(rule.key())));
    let others = convention.allows_all_user_keys().then_some(USER.into());
    let user_keys = convention.user_keys().iter().cloned().chain(others);
    for key in user_keys.chain([STATUS.into(), DESCRIPTION.into()]) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}
