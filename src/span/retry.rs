use std::fmt;
use std::time::Duration;

use super::error_class::{OTHER, type_class};
use crate::context::Context;
use crate::event::{Content, Event, EventName, Key, Measurements, Metadata, Value};
use crate::registry::{EventSet, is_observed_anywhere};

/// Reports that a call is about to be retried: emits `allm.adapter.retry`, and adds the retry to the `attempts` of the
/// nearest enclosing call. A retry directly inside a tool is not added to the call that encloses the tool.
///
/// `attempt` is the number of the attempt that failed, beginning at 1; `delay` is the wait that follows. Call this function
/// before the wait, and not after the last attempt, which the end of the span reports. The text of `reason` is content.
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

/// Returns a closure that reports each retry as [`adapter_retry`] does, for [backon]'s `.notify(…)`. The class of the error
/// is the [name of its type](crate::Span::error_type); use [`retry_notifier_with`] to choose another.
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

/// Returns a closure as [`retry_notifier`] does. `class` returns the class of the error: one of few values, such as
/// `rate_limited`. It is called only if a handler or listener for retries is attached; if it panics, the class is `_OTHER`.
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
    // Before the check below: the end of the call reports its attempts even if nothing is attached for retries.
    if let Some(call) = node.and_then(|node| node.retried_call()) {
        call.count_retry();
    }
    let telemetry = context.telemetry();
    if !is_observed_anywhere(EventSet::RETRY) || !telemetry.follows(EventSet::RETRY) {
        return;
    }
    let name = EventName::RETRY;
    let span = node.and_then(|node| node.nearest_span(&telemetry));
    // `class` and `Display` are user code. A panic in them must not fail the retry.
    let error_type = telemetry.observe(&name, "error", class).unwrap_or(Some(OTHER.into()));
    let text = match telemetry.content(&name).intersects(Content::ERROR) {
        true => telemetry.observe(&name, "error", || format!("{reason:#}")),
        false => None,
    };
    let now = telemetry.now();
    let system_time = span.map_or_else(|| telemetry.system_time(now), |span| span.system_time_at(now));
    let measurements = Measurements::from([("system_time", system_time), ("monotonic_time", now.0)]);
    let metadata = Metadata::new()
        .with("attempt", attempt)
        .with("delay_ms", u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
        .with("reason", text)
        .with("error_type", error_type)
        .with("request_id", context.request_id())
        .with("span_id", span.map(|span| span.span_id.to_string()))
        .with("engine", span.and_then(|span| span.engine.clone()))
        .with("model", span.and_then(|span| Some(span.model.as_deref()?.to_owned())))
        .with("provider", span.and_then(|span| span.provider().cloned()).unwrap_or(Value::Null));
    let event = Event::from_fields(&name, &measurements, &metadata, system_time, false);
    telemetry.emit(&event);
    if let Some(states) = node.and_then(|node| node.states()) {
        states.event(&telemetry, &event, false);
    }
}
