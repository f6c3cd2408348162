//! Dispatch: how an event reaches its handlers.
//!
//! A [`Table`] lists the handlers of every event. It is never changed: attaching and detaching raise the version of the
//! registry, and whoever emits next builds a new table. Each thread caches the table that it used last. To emit, a thread
//! takes the table out of its cache, compares its version with the registry's (one load), calls the handlers of the
//! event's row and puts the table back. This path takes no lock and writes no memory that threads share.
//!
//! The table is out of the cache while handlers run, so nothing is borrowed: a handler may attach, detach and emit. What it
//! emits finds the cache empty and gets the table from the registry, behind a lock. A table that has become old meanwhile is
//! not put back but dropped, so that a handler that detaches itself is freed as soon as its event is delivered.

use std::cell::Cell;
use std::panic::Location;
use std::sync::Arc;

use super::interest::EventSet;
use super::registry::Registry;
use super::sync::thread_local;
use super::table::{Attached, Table};
use super::user_code::{self, Caught};
use crate::event::{Event, EventName, Measurements, Metadata};

thread_local! {
    /// The table that this thread used last, of whichever registry.
    static CACHE: Cell<Option<Arc<Table>>> = const { Cell::new(None) };
}

/// Exchanges the cached table. A thread that is ending has no cache any more, and drops the table.
#[inline]
fn exchange_cached(table: Option<Arc<Table>>) -> Option<Arc<Table>> {
    CACHE.try_with(|cache| cache.replace(table)).ok().flatten()
}

/// Calls `look` with the newest table. It may emit, attach and detach.
#[inline]
pub(super) fn with_table<R>(registry: &Registry, look: impl FnOnce(&Table) -> R) -> R {
    let table = match exchange_cached(None) {
        Some(table) if registry.is_newest(&table) => table,
        old => newest(registry, old),
    };
    let looked = look(&table);
    // Otherwise it keeps alive what was detached meanwhile.
    if registry.is_newest(&table) {
        drop(exchange_cached(Some(table)));
    }
    looked
}

/// Drops an old table, which may drop handlers, and gets the newest.
#[cold]
fn newest(registry: &Registry, old: Option<Arc<Table>>) -> Arc<Table> {
    drop(old);
    registry.table()
}

/// Calls every handler of an event. One that panics is detached and reported, and the others are called all the same.
pub(super) fn emit(registry: &Registry, event: &Event<'_>) {
    // Asked for the event and not for each handler: an endless recursion ends even if no handler is attached to it.
    if user_code::is_too_deep() {
        return;
    }
    with_table(registry, |table| {
        for handler in &table.row(event.name()).handlers {
            let (id, sequence) = (&*handler.id, Some(handler.sequence));
            Callee { registry, id, sequence, event: Some(event.name()) }.call(|| handler.call(event));
        }
    });
}

/// Detaches what is attached under an id, if `is_it` accepts it. Returns whether something was detached.
pub(super) fn detach(registry: &Registry, id: &str, is_it: impl Fn(&Attached) -> bool) -> bool {
    let detached = registry.remove(id, is_it);
    // This thread's cached table shows it still. It is dropped last: that runs user code.
    let old = detached.as_ref().and_then(|_| exchange_cached(None));
    let is_detached = detached.is_some();
    drop((old, detached));
    is_detached
}

/// What `telemetry.handler.failure` says.
pub(super) struct HandlerFailure<'a> {
    /// The event that it was called for, if any.
    pub(super) event: Option<&'a EventName>,
    pub(super) handler_id: &'a str,
    pub(super) kind: &'static str,
    pub(super) reason: String,
    pub(super) stacktrace: Option<String>,
}

/// Emits `telemetry.handler.failure`. What failed has been detached before.
pub(super) fn report(registry: &Registry, failure: HandlerFailure<'_>) {
    if registry.interest.has(EventSet::FAILURE) {
        let now = registry.clock.now();
        let measurements =
            Measurements::from([("system_time", registry.clock.system(now)), ("monotonic_time", now.0)]);
        let metadata = Metadata::new()
            .with("event_name", failure.event.map(|event| event.as_str().to_owned()))
            .with("handler_id", failure.handler_id.to_owned())
            .with("kind", failure.kind)
            .with("reason", failure.reason)
            .with("stacktrace", failure.stacktrace);
        emit(registry, &Event::from_fields(&EventName::FAILURE, &measurements, &metadata, false));
    }
}

/// A handler, listener or observer while it is called: what is detached and reported if it fails.
pub(super) struct Callee<'a> {
    pub(super) registry: &'a Registry,
    pub(super) id: &'a str,
    /// Distinguishes it from another that was attached under the same id later. `None` for an observer, which is not
    /// attached.
    pub(super) sequence: Option<u64>,
    /// The event that it is called for.
    pub(super) event: Option<&'a EventName>,
}

impl Callee<'_> {
    /// Calls it; see [`user_code`] for what happens if it fails.
    #[inline]
    pub(super) fn call<R>(&self, code: impl FnOnce() -> R) -> Option<R> {
        user_code::call(code, |caught| self.failed(caught))
    }

    /// Drops something that it keeps.
    pub(super) fn drop_value<T>(&self, value: T) {
        user_code::drop_value(value, |caught| self.failed(caught));
    }

    #[cold]
    fn failed(&self, caught: &Caught) {
        // On another thread it may have failed at the same time. It is reported once.
        let is_first = self
            .sequence
            .is_none_or(|sequence| detach(self.registry, self.id, |now| now.sequence() == sequence));
        if is_first {
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
