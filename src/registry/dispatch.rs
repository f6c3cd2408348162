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

/// One thread's copy of the table of the registry it emitted to last.
struct Copied {
    registry: u64,
    version: u64,
    table: Arc<Table>,
}

thread_local! {
    static COPY: Cell<Option<Copied>> = const { Cell::new(None) };
    static DEPTH: Cell<u8> = const { Cell::new(0) };
    /// Set when an emission was refused because it was nested too deep.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Looks at the newest table. The thread's copy is taken out meanwhile, so `look` may emit, attach and detach.
pub(super) fn with_table<R>(registry: &Registry, look: impl FnOnce(&Table) -> R) -> R {
    // A thread on its way out has no copy; it pays for a look at the shared one.
    let mine = COPY.try_with(Cell::take).ok().flatten();
    let copied = match mine {
        Some(copied) if copied.registry == registry.id && copied.version == registry.version() => copied,
        _ => {
            let (version, table) = registry.table();
            Copied { registry: registry.id, version, table }
        }
    };
    let result = look(&copied.table);
    // An old copy is dropped after it has been replaced: dropping handlers is foreign code.
    drop(COPY.try_with(|copy| copy.replace(Some(copied))));
    result
}

/// Makes this thread and the registry let go of a table that shows what was just detached.
pub(super) fn forget(registry: &Registry) {
    let mine = COPY.try_with(Cell::take).ok().flatten();
    match mine {
        Some(other) if other.registry != registry.id => COPY.set(Some(other)),
        mine => drop(mine),
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
            None => Failure::new(Some(event.name()), handler_id, "panic", TOO_DEEP, format!("refused at {here}")),
        };
        failure::emit(telemetry, failure);
    }
    if let Some(caught) = caught {
        caught.swallow();
    }
}
