use std::cell::{Cell, RefCell};
use std::mem;
use std::panic::Location;
use std::sync::Arc;

use super::catch::{Caught, catch};
use super::failure::{self, Failure};
use super::registry::Registry;
#[cfg(all(test, allm_loom))]
use super::sync::CellKey as _;
use super::sync::thread_local;
use super::table::Table;
use super::telemetry::Telemetry;
use crate::event::Event;

/// How deep events may nest that handlers emit from inside handlers.
const MAX_DEPTH: u8 = 64;

thread_local! {
    /// This thread's copy of the table of the registry it emitted to last.
    static COPY: RefCell<Copied> = const { RefCell::new(Copied { registry: 0, version: 0, table: None }) };
    static DEPTH: Cell<u8> = const { Cell::new(0) };
    /// Set when an emission was refused because it was nested too deep.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

struct Copied {
    registry: u64,
    version: u64,
    table: Option<Arc<Table>>,
}

impl Copied {
    /// The table, if it is the newest of this registry.
    #[inline]
    fn table_of(&self, registry: &Registry) -> Option<&Table> {
        let is_newest = self.registry == registry.id && self.version == registry.version();
        self.table.as_deref().filter(|_| is_newest)
    }
}

/// Looks at the newest table. The thread's copy is borrowed meanwhile: `look` may emit, attach and detach, and what
/// finds the copy old while it is borrowed goes without.
#[inline]
pub(super) fn with_table<R>(registry: &Registry, mut look: impl FnMut(&Table) -> R) -> R {
    let looked = COPY.try_with(|copy| {
        let copy = copy.try_borrow().ok()?;
        Some(look(copy.table_of(registry)?))
    });
    match looked {
        Ok(Some(looked)) => looked,
        // A thread on its way out has no copy either.
        _ => look(&renewed(registry)),
    }
}

/// The newest table, which this thread copies if it can.
#[cold]
fn renewed(registry: &Registry) -> Arc<Table> {
    let (version, table) = registry.table();
    let new = Copied { registry: registry.id, version, table: Some(table.clone()) };
    replace(new);
    table
}

/// An old copy is dropped when nothing is borrowed: dropping handlers is foreign code.
fn replace(new: Copied) {
    let old = COPY.try_with(|copy| copy.try_borrow_mut().ok().map(|mut copy| mem::replace(&mut *copy, new)));
    drop(old);
}

/// Makes this thread and the registry let go of a table that shows what was just detached.
pub(super) fn forget(registry: &Registry) {
    let is_mine = COPY.try_with(|copy| copy.try_borrow().is_ok_and(|copy| copy.registry == registry.id));
    if is_mine.unwrap_or(false) {
        replace(Copied { registry: 0, version: 0, table: None });
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
    with_table(registry, |table| deliver_by(table, telemetry, event, depth));
    DEPTH.set(depth);
}

/// Out of line, so that what it is told comes in registers, from either table.
#[inline(never)]
fn deliver_by(table: &Table, telemetry: &Telemetry, event: &Event<'_>, depth: u8) {
    for handler in &table.row(event.name()).handlers {
        let outcome = catch(|| (handler.run)(event));
        let refused = depth + 1 == MAX_DEPTH && REFUSED.take();
        if outcome.is_err() || refused {
            // The report is no deeper than the event, or it would be refused as well.
            DEPTH.set(depth);
            let first = telemetry.detach_numbered(&handler.id, handler.sequence);
            report(telemetry, event, &handler.id, outcome.err(), first);
            DEPTH.set(depth + 1);
        }
    }
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
