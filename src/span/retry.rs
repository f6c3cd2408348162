use std::fmt;
use std::time::Duration;

use super::error_class::{OTHER, type_class};
use crate::context::Context;
use crate::event::{Content, Event, EventName, Key, Measurements, Metadata, Value};
use crate::registry::{EventSet, anywhere};

/// Tells that a call is about to be tried again: emits `allm.adapter.retry`, and counts it into the `attempts` of the
/// nearest enclosing span that has the key.
///
/// `attempt` is the number of the attempt that failed, from 1; `delay` is the wait that follows. Call it before the
/// wait, and not after the last attempt: the span's own end tells of that. The text of `reason` is content.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// allm_telemetry::adapter_retry(1, Duration::from_millis(250), "429 Too Many Requests");
/// ```
pub fn adapter_retry(attempt: u32, delay: Duration, reason: impl fmt::Display) {
    emit(attempt, delay, &reason, || None);
}

/// A notifier that calls [`adapter_retry`] for each retry: plug it into [backon]'s `.notify(…)`. The class of the error
/// is the name of its type; see [`retry_notifier_with`] for a better one.
///
/// [backon]: https://docs.rs/backon
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// // As in: `call.retry(ExponentialBuilder::default()).notify(allm_telemetry::retry_notifier())`
/// let mut notify = allm_telemetry::retry_notifier();
/// notify(&std::io::Error::other("connection reset"), Duration::from_millis(250));
/// ```
pub fn retry_notifier<E: fmt::Display>() -> impl FnMut(&E, Duration) {
    retry_notifier_with(|_: &E| type_class::<E>())
}

/// [`retry_notifier`] with a say in the class of the error: one of few values, such as `rate_limited`. It is asked only if
/// somebody listens; if it panics, the class is `_OTHER`.
pub fn retry_notifier_with<E: fmt::Display, T: Into<Key>>(
    class: impl Fn(&E) -> T,
) -> impl FnMut(&E, Duration) {
    let mut attempt = 0_u32;
    move |error, delay| {
        attempt = attempt.saturating_add(1);
        emit(attempt, delay, error, || Some(class(error).into()));
    }
}

fn emit(attempt: u32, delay: Duration, reason: &dyn fmt::Display, class: impl FnOnce() -> Option<Key>) {
    let context = Context::current();
    let node = context.node();
    if let Some(counting) = node.and_then(|node| node.retried_call()) {
        counting.count_retry();
    }
    let telemetry = context.telemetry();
    if !anywhere(EventSet::RETRY) || !telemetry.follows(EventSet::RETRY) {
        return;
    }
    let name = EventName::RETRY;
    let span = node.and_then(|node| node.nearest_span(&telemetry));
    // Both are the user's code, and a retry must not fail because it is told.
    let error_type = telemetry.observe(&name, "error", class).unwrap_or(Some(OTHER.into()));
    let text = match telemetry.content(&name).intersects(Content::ERROR) {
        true => telemetry.observe(&name, "error", || reason.to_string()),
        false => None,
    };
    let now = telemetry.now();
    let measurements =
        Measurements::from([("system_time", telemetry.system_time(now)), ("monotonic_time", now.0)]);
    let metadata = Metadata::new()
        .with("attempt", attempt)
        .with("delay_ms", u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
        .with("reason", text)
        .with("error_type", error_type)
        .with("request_id", context.request_id())
        .with("span_id", span.map(|span| span.span_id.to_string()))
        .with("engine", span.and_then(|span| span.engine.clone()))
        .with("model", span.and_then(|span| span.model.clone()))
        .with("provider", span.and_then(|span| span.provider().cloned()).unwrap_or(Value::Null));
    let event = Event::from_fields(&name, &measurements, &metadata, false);
    telemetry.emit(&event);
    if let Some(states) = node.and_then(|node| node.states()) {
        states.event(&telemetry, &event, false);
    }
}
