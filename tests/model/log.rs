//! What happened to which node.

use allm_telemetry::Outcome;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) node: u64,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Start { parent: Option<u64> },
    FirstChunk,
    End { outcome: Outcome, chunks: Option<u64> },
}
