//! The free functions: each calls the method of the same name of the current handle.

use std::sync::Arc;

use super::context::Context;
use crate::event::{Event, EventName, Measurements, Metadata, ParseEventNameError};
use crate::registry::{
    AttachError, DetachError, HandlerInfo, Listener, SubscribeOptions, Subscription, Telemetry,
};

/// [`Telemetry::attach`](crate::Telemetry::attach) on the scope's handle, otherwise on the global one.
///
/// # Errors
///
/// As that method.
pub fn attach<N: TryInto<EventName, Error: Into<AttachError>>>(
    id: impl Into<Arc<str>>,
    event: N,
    handler: impl Fn(&Event<'_>) + Send + Sync + 'static,
) -> Result<(), AttachError> {
    telemetry().attach(id, event, handler)
}

/// [`Telemetry::attach_many`](crate::Telemetry::attach_many) on the scope's handle, otherwise on the global one.
///
/// # Errors
///
/// As that method.
pub fn attach_many<N: TryInto<EventName, Error: Into<AttachError>>>(
    id: impl Into<Arc<str>>,
    events: impl IntoIterator<Item = N>,
    handler: impl Fn(&Event<'_>) + Send + Sync + 'static,
) -> Result<(), AttachError> {
    telemetry().attach_many(id, events, handler)
}

/// [`Telemetry::listen`](crate::Telemetry::listen) on the scope's handle, otherwise on the global one.
///
/// # Errors
///
/// As that method.
pub fn listen(id: impl Into<Arc<str>>, listener: impl Listener) -> Result<(), AttachError> {
    telemetry().listen(id, listener)
}

/// [`Telemetry::subscribe`](crate::Telemetry::subscribe) on the scope's handle, otherwise on the global one.
///
/// # Errors
///
/// As that method.
pub fn subscribe<N: TryInto<EventName, Error: Into<AttachError>>>(
    id: impl Into<Arc<str>>,
    events: impl IntoIterator<Item = N>,
    capacity: usize,
) -> Result<Subscription, AttachError> {
    telemetry().subscribe(id, events, capacity)
}

/// [`Telemetry::subscribe_with`](crate::Telemetry::subscribe_with) on the scope's handle, otherwise on the global one.
///
/// # Errors
///
/// As that method.
pub fn subscribe_with<N: TryInto<EventName, Error: Into<AttachError>>>(
    id: impl Into<Arc<str>>,
    events: impl IntoIterator<Item = N>,
    options: SubscribeOptions,
) -> Result<Subscription, AttachError> {
    telemetry().subscribe_with(id, events, options)
}

/// [`Telemetry::detach`](crate::Telemetry::detach) on the scope's handle, otherwise on the global one.
///
/// # Errors
///
/// As that method.
pub fn detach(id: &str) -> Result<(), DetachError> {
    telemetry().detach(id)
}

/// [`Telemetry::list_handlers`](crate::Telemetry::list_handlers) on the scope's handle, otherwise on the global one.
#[must_use]
pub fn list_handlers(prefix: &str) -> Vec<HandlerInfo> {
    telemetry().list_handlers(prefix)
}

/// [`Telemetry::execute`](crate::Telemetry::execute) on the scope's handle, otherwise on the global one.
///
/// It takes a name without its prefix: `execute("cache.hit", …)` emits `allm.cache.hit`, which [`attach`] takes in full.
///
/// # Errors
///
/// As that method.
pub fn execute<N: TryInto<EventName, Error: Into<ParseEventNameError>>>(
    suffix: N,
    measurements: impl Into<Measurements>,
    metadata: impl Into<Metadata>,
) -> Result<(), ParseEventNameError> {
    telemetry().execute(suffix, measurements, metadata)
}

fn telemetry() -> Telemetry {
    Context::current().telemetry()
}
