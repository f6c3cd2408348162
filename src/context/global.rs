//! Free functions that call the method of the same name on the handle of the current context.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use crate::event::{Event, EventName, Measurements, Metadata};
use crate::registry::{
    AttachError, DetachError, EventNameError, HandlerInfo, Listener, ShutdownReport, SubscribeOptions,
    Subscription, Telemetry,
};

/// Calls [`Telemetry::attach`](crate::Telemetry::attach) on the handle of the current context, or on the global handle outside all
/// scopes and observed spans.
///
/// # Errors
///
/// Returns the errors of [`Telemetry::attach`](crate::Telemetry::attach).
pub fn attach<N: TryInto<EventName, Error: Into<AttachError>>>(
    id: impl Into<Arc<str>>,
    event: N,
    handler: impl Fn(&Event<'_>) + Send + Sync + 'static,
) -> Result<(), AttachError> {
    telemetry().attach(id, event, handler)
}

/// Calls [`Telemetry::attach_many`](crate::Telemetry::attach_many) on the handle of the current context, or on the global handle outside all
/// scopes and observed spans.
///
/// # Errors
///
/// Returns the errors of [`Telemetry::attach_many`](crate::Telemetry::attach_many).
pub fn attach_many<N: TryInto<EventName, Error: Into<AttachError>>>(
    id: impl Into<Arc<str>>,
    events: impl IntoIterator<Item = N>,
    handler: impl Fn(&Event<'_>) + Send + Sync + 'static,
) -> Result<(), AttachError> {
    telemetry().attach_many(id, events, handler)
}

/// Calls [`Telemetry::listen`](crate::Telemetry::listen) on the handle of the current context, or on the global handle outside all
/// scopes and observed spans.
///
/// # Errors
///
/// Returns the errors of [`Telemetry::listen`](crate::Telemetry::listen).
pub fn listen(id: impl Into<Arc<str>>, listener: impl Listener) -> Result<(), AttachError> {
    telemetry().listen(id, listener)
}

/// Calls [`Telemetry::subscribe`](crate::Telemetry::subscribe) on the handle of the current context, or on the global handle outside all
/// scopes and observed spans.
///
/// # Errors
///
/// Returns the errors of [`Telemetry::subscribe`](crate::Telemetry::subscribe).
pub fn subscribe<N: TryInto<EventName, Error: Into<AttachError>>>(
    id: impl Into<Arc<str>>,
    events: impl IntoIterator<Item = N>,
    capacity: usize,
) -> Result<Subscription, AttachError> {
    telemetry().subscribe(id, events, capacity)
}

/// Calls [`Telemetry::subscribe_with`](crate::Telemetry::subscribe_with) on the handle of the current context, or on the global handle outside all
/// scopes and observed spans.
///
/// # Errors
///
/// Returns the errors of [`Telemetry::subscribe_with`](crate::Telemetry::subscribe_with).
pub fn subscribe_with<N: TryInto<EventName, Error: Into<AttachError>>>(
    id: impl Into<Arc<str>>,
    events: impl IntoIterator<Item = N>,
    options: SubscribeOptions,
) -> Result<Subscription, AttachError> {
    telemetry().subscribe_with(id, events, options)
}

/// Calls [`Telemetry::detach`](crate::Telemetry::detach) on the handle of the current context, or on the global handle outside all
/// scopes and observed spans.
///
/// # Errors
///
/// Returns the errors of [`Telemetry::detach`](crate::Telemetry::detach).
pub fn detach(id: &str) -> Result<(), DetachError> {
    telemetry().detach(id)
}

/// Calls [`Telemetry::list_handlers`](crate::Telemetry::list_handlers) on the handle of the current context, or on the global handle outside all
/// scopes and observed spans.
#[must_use]
pub fn list_handlers(prefix: &str) -> Vec<HandlerInfo> {
    telemetry().list_handlers(prefix)
}

/// Calls [`Telemetry::execute`](crate::Telemetry::execute) on the handle of the current context, or on the global handle outside all
/// scopes and observed spans.
///
/// `execute("cache.hit", …)` emits `allm.cache.hit`: `allm.` is put before a name that does not begin with `allm`.
///
/// # Errors
///
/// Returns the errors of [`Telemetry::execute`](crate::Telemetry::execute).
pub fn execute<N: TryInto<EventName, Error: Into<EventNameError>>>(
    name: N,
    measurements: impl Into<Measurements>,
    metadata: impl Into<Metadata>,
) -> Result<(), EventNameError> {
    telemetry().execute(name, measurements, metadata)
}

/// Calls [`Telemetry::shutdown`](crate::Telemetry::shutdown) on the handle of the current context, or on the global handle outside all
/// scopes and observed spans: waits until no observed span is open, flushes the exporters, and reports what was lost.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// #[tokio::main]
/// async fn main() {
///     // … the program …
///
///     let report = allm_telemetry::shutdown(Duration::from_secs(10)).await;
///     if !report.is_complete() {
///         eprintln!("{report}");
///     }
/// }
/// ```
pub fn shutdown(deadline: Duration) -> impl Future<Output = ShutdownReport> + Send {
    telemetry().shutdown(deadline)
}

/// Calls [`Telemetry::shutdown_blocking`](crate::Telemetry::shutdown_blocking) on the handle of the current context, or on the global
/// handle outside all scopes and observed spans.
pub fn shutdown_blocking(deadline: Duration) -> ShutdownReport {
    telemetry().shutdown_blocking(deadline)
}

fn telemetry() -> Telemetry {
    Context::current().telemetry()
}
