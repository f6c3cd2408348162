//! Dispatch: how an event reaches its handlers.
//!
//! A [`Table`] lists the handlers of every event. Tables are immutable. Attaching and detaching increment the version of the
//! registry, and the next emission builds a new table. Each thread caches the table that it used last. To emit, a thread takes
//! the table out of its cache, compares its version with the registry's (one load), calls the handlers of the event's row and
//! puts the table back. This path takes no lock and writes no shared memory.
//!
//! The table is not in the cache while handlers run, so handlers may attach, detach and emit. A nested emission finds the
//! cache empty and gets the table from the registry, behind a lock. A table that became outdated in the meantime is dropped
//! rather than put back, so that a handler that detaches itself is freed once the event is delivered.

use std::cell::Cell;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::interest::EventSet;
use super::registry::Registry;
// `std`'s macro, or loom's in the models.
use super::sync::thread_local;
use super::table::{Attached, Table};
use super::user_code::{self, Caught};
use crate::event::{Event, EventName, Measurements, Metadata};

thread_local! {
    /// The table that this thread used last. It may belong to any registry.
    static CACHE: Cell<Option<Arc<Table>>> = const { Cell::new(None) };
}

/// Exchanges the cached table. While the thread-locals of a thread are being destroyed, there is no cache, and the table is
/// dropped.
#[inline]
fn exchange_cached(table: Option<Arc<Table>>) -> Option<Arc<Table>> {
    CACHE.try_with(|cache| cache.replace(table)).ok().flatten()
}

/// Calls `f` with the newest table. `f` may emit, attach and detach.
#[inline]
pub(super) fn with_table<R>(registry: &Registry, f: impl FnOnce(&Table) -> R) -> R {
    let table = match exchange_cached(None) {
        Some(table) if registry.is_newest(&table) => table,
        // Outdated, or `None`: the first emission of the thread, a nested one, or one while the thread exits.
        outdated => newest(registry, outdated),
    };
    let result = f(&table);
    // Caching an outdated table would keep detached handlers alive until this thread emits again.
    if registry.is_newest(&table) {
        // A nested emission may have cached a table. Dropping it may run user code, so it is dropped after the exchange.
        drop(exchange_cached(Some(table)));
    }
    result
}

/// Returns the newest table. Drops the outdated one first: dropping handlers runs user code, which must not run while the lock
/// is held.
#[cold]
fn newest(registry: &Registry, outdated: Option<Arc<Table>>) -> Arc<Table> {
    drop(outdated);
    registry.table()
}

/// Calls every handler of an event. One that panics is detached and reported, and the remaining handlers are still called.
pub(super) fn emit(registry: &Registry, event: &Event<'_>) {
    // Checked here as well as for each handler, so that user code that emits recursively is stopped even if the event has no
    // handler.
    if user_code::refuse_if_too_deep() {
        return;
    }
    with_table(registry, |table| {
        for handler in &table.row(event.name()).handlers {
            // The sequence number identifies the attachment, so that a later handler with this id is not detached in its place.
            let (id, sequence) = (&*handler.id, Some(handler.sequence));
            UserCall { registry, id, sequence, event: Some(event.name()) }.call(|| handler.call(event));
        }
    });
    // Since a shutdown, each event is written before the task that emits it continues.
    if registry.writes_through.load(Ordering::Relaxed) {
        registry.write_through();
    }
}

/// Detaches the handler or listener with this id, if `matches` accepts it. Returns whether one was detached.
pub(super) fn detach(registry: &Registry, id: &str, matches: impl Fn(&Attached) -> bool) -> bool {
    let detached = registry.remove(id, matches);
    // The cached table of this thread still references it. Both are dropped at the end, because that runs user code.
    let outdated = detached.as_ref().and_then(|_| exchange_cached(None));
    let is_detached = detached.is_some();
    drop((outdated, detached));
    is_detached
}

/// The metadata of `telemetry.handler.failure`.
pub(super) struct HandlerFailure<'a> {
    /// The event that was being delivered, if any.
    pub(super) event: Option<&'a EventName>,
    pub(super) handler_id: &'a str,
    pub(super) kind: &'static str,
    pub(super) reason: String,
    pub(super) stacktrace: Option<String>,
}

/// Emits `telemetry.handler.failure`. The caller has already detached a handler that panicked.
pub(super) fn report(registry: &Registry, failure: HandlerFailure<'_>) {
    // A handler of this event that panics is detached and reported too. Each is reported once, so the recursion ends.
    if registry.interest.has(EventSet::FAILURE) {
        let now = registry.clock.now();
        let system_time = registry.clock.system(now);
        let measurements = Measurements::from([("system_time", system_time), ("monotonic_time", now.0)]);
        let metadata = Metadata::new()
            .with("event_name", failure.event.map(|event| event.as_str().to_owned()))
            .with("handler_id", failure.handler_id.to_owned())
            .with("kind", failure.kind)
            .with("reason", failure.reason)
            .with("stacktrace", failure.stacktrace);
        emit(
            registry,
            &Event::from_fields(&EventName::FAILURE, &measurements, &metadata, system_time, false),
        );
    }
}

/// Identifies a handler, listener or observer during a call, so that it can be detached and reported if it fails.
pub(super) struct UserCall<'a> {
    pub(super) registry: &'a Registry,
    pub(super) id: &'a str,
    /// The sequence number of the attachment. A later attachment under the same id has a different one. `None` for an observer,
    /// which is not attached.
    pub(super) sequence: Option<u64>,
    /// The event being delivered. `None` while a listener's state is dropped.
    pub(super) event: Option<&'a EventName>,
}

impl UserCall<'_> {
    /// Calls it; see [`user_code`] for what happens if it fails.
    #[inline]
    pub(super) fn call<R>(&self, code: impl FnOnce() -> R) -> Option<R> {
        user_code::call(code, |caught| self.failed(caught))
    }

    /// Drops a value owned by the handler or listener.
    pub(super) fn drop_value<T>(&self, value: T) {
        user_code::drop_value(value, |caught| self.failed(caught));
    }

    #[cold]
    fn failed(&self, caught: &Caught) {
        // It may fail on several threads concurrently. Only the thread that detaches it reports the failure.
        let is_first = self.sequence.is_none_or(|sequence| {
            detach(self.registry, self.id, |attached| attached.sequence() == sequence)
        });
        if is_first {
            // Without a backtrace, the report contains only the place in this crate that caught the panic.
            let (reason, stacktrace) = (
                caught.message().to_owned(),
                caught.stacktrace(|| format!("caught at {}", Location::caller())),
            );
            report(
                self.registry,
                HandlerFailure {
                    event: self.event,
                    handler_id: self.id,
                    kind: "panic",
                    reason,
                    stacktrace: Some(stacktrace),
                },
            );
        }
    }
}
