//! What was measured, and who is best.

use crate::peers::{CONTENDERS, Contender, Role};
use crate::row::Row;

/// One measured cell.
pub(crate) struct Measured {
    pub(crate) contender: &'static Contender,
    pub(crate) row: &'static Row,
    /// Nanoseconds per unit, or for more than one thread the multiple of one thread's throughput.
    pub(crate) value: f64,
    /// Allocations per span, or per whole stream.
    pub(crate) allocations: f64,
}

/// All measured cells.
pub(crate) struct Table(Vec<Measured>);

impl Table {
    pub(crate) fn new(cells: Vec<Measured>) -> Self {
        Table(cells)
    }

    /// The rows that have a cell, in order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'static Row> {
        crate::row::ROWS.iter().filter(|row| self.0.iter().any(|cell| cell.row.id == row.id))
    }

    /// The cell of a contender.
    pub(crate) fn of(&self, row: &str, contender: &str) -> Option<&Measured> {
        self.0.iter().find(|cell| cell.row.id == row && cell.contender.name == contender)
    }

    /// The cell of the one contender in that role.
    pub(crate) fn role(&self, row: &str, role: Role) -> Option<&Measured> {
        let contender = CONTENDERS.iter().find(|contender| contender.role == role)?;
        self.of(row, contender.name)
    }

    /// The best of the libraries: the fastest, or with several threads the one that gains most.
    pub(crate) fn best_peer(&self, row: &str) -> Option<&Measured> {
        let peers = self.0.iter().filter(|cell| cell.row.id == row && cell.contender.role == Role::Peer);
        peers.min_by(|a, b| {
            let order = a.value.total_cmp(&b.value);
            if a.row.threads > 1 { order.reverse() } else { order }
        })
    }
}
