//! The contenders, one per file.

mod bare;
mod by_hand;
mod fastrace;
mod least;
mod metrics;
mod opentelemetry;
mod ours;
mod tracing;
mod tracing_bare;
mod tracing_by_hand;
mod tracing_registry;

use crate::row::Row;
use crate::shape::Case;
use crate::work::{Items, Work};

/// How one library wraps the work. Engine and model go with every span that calls a model, the
/// tool's name and call id with a tool.
pub(crate) trait Peer: Send + Sync + 'static {
    /// Reads what is current inside: the id or span that wrapping set up.
    fn read();

    /// A span at the root, for one call of a model.
    fn generate(&self, work: impl Work) -> impl Work;

    /// The same, where the model is known only now and a fresh request id is delivered.
    fn owned(&self, model: String, work: impl Work) -> impl Work;

    /// A span at the root that will have others in it.
    fn chat(&self, work: impl Work) -> impl Work;

    /// A span in a chat.
    fn step(&self, work: impl Work) -> impl Work;

    /// A span in a step.
    fn tool(&self, work: impl Work) -> impl Work;

    /// A span at the root, for a stream of tokens.
    fn stream(&self, items: impl Items) -> impl Items;
}

/// What a contender is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The work without telemetry.
    Floor,
    /// What one writes today for the same: compared where a budget says so.
    ByHand,
    /// A library: competes to be the best peer.
    Peer,
    /// A library that leaves out what makes the row: shown, but not the best peer.
    LessWork,
    /// Ours.
    Ours,
}

/// One column of the table.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    /// What to know when comparing.
    pub(crate) note: &'static str,
    /// Installs the library in this process and makes the row's case; `None` where the row makes
    /// no sense for it.
    pub(crate) case: fn(&Row) -> Option<Case>,
}

/// All columns, in the table's order.
pub(crate) const CONTENDERS: &[Contender] = &[
    bare::CONTENDER,
    by_hand::CONTENDER,
    by_hand::LATE,
    tracing::CONTENDER,
    tracing_bare::COUNTING,
    tracing_bare::TIMING,
    tracing_registry::CONTENDER,
    tracing_by_hand::CONTENDER,
    tracing_by_hand::IN_OURS,
    fastrace::EMITTING,
    fastrace::COLLECTING,
    opentelemetry::CONTENDER,
    metrics::CONTENDER,
    least::CLOCKS,
    least::SPAN,
    ours::CONTENDER,
];

/// The contender of that name.
pub(crate) fn find(name: &str) -> Option<&'static Contender> {
    CONTENDERS.iter().find(|contender| contender.name == name)
}
