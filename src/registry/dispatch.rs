use std::cell::Cell;
use std::panic::Location;
use std::sync::Arc;

use super::failure::{self, Failure};
use super::fence::{Caught, fence};
use super::table::{Attached, Table};
use super::telemetry::{Registry, Telemetry};
use crate::event::Event;

/// How deep events may nest that handlers emit from inside handlers.
const MAX_DEPTH: u8 = 64;

thread_local! {
    /// This thread's copy of the table of the registry it emitted to last, word by word: a struct of three words would
    /// be copied in wider pieces, which wait for the stores before them.
    static TABLE: Cell<Option<Arc<Table>>> = const { Cell::new(None) };
    /// The registry and the version of that copy.
    static REGISTRY: Cell<u64> = const { Cell::new(0) };
    static VERSION: Cell<u64> = const { Cell::new(0) };
    static DEPTH: Cell<u8> = const { Cell::new(0) };
    /// Set when an emission was refused because it was nested too deep.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Looks at the newest table. The thread's copy is taken out meanwhile, so `look` may emit, attach and detach.
#[inline]
pub(super) fn with_table<R>(registry: &Registry, look: impl FnOnce(&Table) -> R) -> R {
    // A thread on its way out has no copy; it pays for a look at the shared one.
    let mine = TABLE.try_with(Cell::take).ok().flatten();
    let (version, table) = match mine {
        Some(table) if REGISTRY.get() == registry.id && VERSION.get() == registry.version() => {
            (VERSION.get(), table)
        }
        _ => registry.table(),
    };
    let result = look(&table);
    REGISTRY.set(registry.id);
    VERSION.set(version);
    // An old copy is dropped after it has been replaced: dropping handlers is foreign code.
    drop(TABLE.try_with(|copy| copy.replace(Some(table))));
    result
}

/// Makes this thread and the registry let go of a table that shows what was just detached.
pub(super) fn forget(registry: &Registry) {
    if REGISTRY.get() == registry.id {
        drop(TABLE.try_with(Cell::take));
    }
    registry.forget_table();
}

/// Calls every handler of an event; one that panics is detached and reported, and the rest still run.
pub(super) fn deliver(telemetry: &Telemetry, registry: &Registry, event: &Event<'_>) {
    let depth = DEPTH.get();
    if depth == MAX_DEPTH {
        REFUSED.set(true);
        return;
    }
    DEPTH.set(depth + 1);
    with_table(registry, |table| {
        for handler in &table.row(event.name()).handlers {
            let outcome = fence(|| (handler.run)(event));
            let refused = depth + 1 == MAX_DEPTH && REFUSED.take();
            if outcome.is_err() || refused {
                // The report is no deeper than the event, or it would be refused as well.
                DEPTH.set(depth);
                let first = telemetry.detach_failed(&Attached::Handler(handler.clone()));
                report(telemetry, event, &handler.id, outcome.err(), first);
                DEPTH.set(depth + 1);
            }
        }
    });
    DEPTH.set(depth);
}

/// Tells of a failed handler. Emissions that were under way when it failed may call it again; that is told once.
#[cold]
fn report(telemetry: &Telemetry, event: &Event<'_>, handler_id: &str, caught: Option<Caught>, first: bool) {
    const TOO_DEEP: &str = "events that handlers emit from inside handlers nest more than 64 deep";
    if first {
        let here = Location::caller();
        let failure = match &caught {
            Some(caught) => Failure::panic(Some(event.name()), handler_id, caught, here),
            None => {
                Failure::new(Some(event.name()), handler_id, "panic", TOO_DEEP, format!("refused at {here}"))
            }
        };
        failure::emit(telemetry, failure);
    }
    if let Some(caught) = caught {
        caught.swallow();
    }
}
