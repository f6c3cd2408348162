//! The budgets of docs/performance.md, held against the table.

use std::fmt;

use crate::peers::Role;
use crate::table::{Measured, Table};

/// What ours is compared with.
enum Against {
    ByHand,
    BestPeer,
    Named(&'static str),
    Floor,
}

/// What must hold.
enum Limit {
    /// Ours is at most so many times the other.
    AtMost(f64),
    /// Ours is at least so many times the other.
    AtLeast(f64),
    /// Ours is at most so many nanoseconds above the other.
    Over(f64),
    /// Ours makes no allocation.
    NoAllocation,
}

/// One promise about one row.
pub(crate) struct Budget {
    row: &'static str,
    name: &'static str,
    against: Against,
    limit: Limit,
}

const fn budget(row: &'static str, name: &'static str, against: Against, limit: Limit) -> Budget {
    Budget { row, name, against, limit }
}

const REGISTRY: Against = Against::Named("tracing + registry");

/// The span by hand that also carries a request id and observes its end, under the same subscriber.
const BY_HAND_IN_OURS: Against = Against::Named("span by hand in ours");

/// All budgets. They compare with what does the same work, and leave room so that it can be spent on simplicity.
pub(crate) const BUDGETS: &[Budget] = &[
    budget("1", "nothing attached, one future", Against::ByHand, Limit::AtMost(0.5)),
    budget("1", "the same, allocations", Against::ByHand, Limit::NoAllocation),
    budget("2", "nothing attached, nested", Against::ByHand, Limit::AtMost(0.9)),
    budget("3", "one handler", REGISTRY, Limit::AtMost(0.7)),
    budget("5", "one handler, nested", REGISTRY, Limit::AtMost(0.7)),
    budget("6", "stream item, nothing attached", Against::Floor, Limit::Over(6.0)),
    budget("7", "stream item, one handler", REGISTRY, Limit::AtMost(1.0)),
    budget("8", "two threads, one handler", Against::BestPeer, Limit::AtLeast(0.95)),
    budget("15", "bridge to tracing, 1 poll", BY_HAND_IN_OURS, Limit::AtMost(1.3)),
    budget("16", "bridge to tracing, 20 polls", BY_HAND_IN_OURS, Limit::AtMost(1.3)),
];

/// How a promise came out.
pub(crate) struct Verdict<'a> {
    budget: &'a Budget,
    ours: &'a Measured,
    other: &'a Measured,
}

impl Budget {
    /// The verdict, where both sides were measured.
    pub(crate) fn judge<'a>(&'a self, table: &'a Table) -> Option<Verdict<'a>> {
        let ours = table.role(self.row, Role::Ours)?;
        let other = match self.against {
            Against::ByHand => table.role(self.row, Role::ByHand)?,
            Against::BestPeer => table.best_peer(self.row)?,
            Against::Named(name) => table.of(self.row, name)?,
            Against::Floor => table.role(self.row, Role::Floor)?,
        };
        Some(Verdict { budget: self, ours, other })
    }
}

impl Verdict<'_> {
    fn ratio(&self) -> f64 {
        self.ours.value / self.other.value
    }

    /// Whether the promise holds.
    pub(crate) fn met(&self) -> bool {
        match self.budget.limit {
            Limit::AtMost(limit) => self.ratio() <= limit,
            Limit::AtLeast(limit) => self.ratio() >= limit,
            Limit::Over(limit) => self.ours.value - self.other.value <= limit,
            Limit::NoAllocation => self.ours.allocations == 0.0,
        }
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = if self.met() { "met" } else { "missed" };
        let Budget { row, name, limit, .. } = self.budget;
        let (ours, other, ratio) = (self.ours.value, self.other.value, self.ratio());
        let (peer, unit) = (self.other.contender.name, if self.ours.row.threads > 1 { "x" } else { "ns" });
        write!(f, "{met:<7} {row:>2} {name:<29} ")?;
        match limit {
            Limit::NoAllocation => {
                let (ours, other) = (self.ours.allocations, self.other.allocations);
                write!(f, "ours {ours:.1}, {peer} {other:.1} (must be 0)")
            }
            Limit::AtMost(limit) => {
                write!(
                    f,
                    "ours {ours:.1} {unit}, {peer} {other:.1} {unit}, ratio {ratio:.2} (at most {limit})"
                )
            }
            Limit::AtLeast(limit) => {
                write!(
                    f,
                    "ours {ours:.2} {unit}, {peer} {other:.2} {unit}, ratio {ratio:.2} (at least {limit})"
                )
            }
            Limit::Over(limit) => {
                let over = ours - other;
                write!(
                    f,
                    "ours {ours:.1} {unit}, {peer} {other:.1} {unit}, ratio {ratio:.2}, {over:.1} {unit} over \
                     (at most {limit})"
                )
            }
        }
    }
}
