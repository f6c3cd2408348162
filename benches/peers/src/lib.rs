//! The same work for allm-telemetry and for its peers, measured side by side.
//!
//! `cargo bench --manifest-path benches/peers/Cargo.toml` prints the table. How it stays honest:
//!
//! - **Everybody does the same work.** [`work`] has the wrapped values, [`shape`] the ways to wrap
//!   them; a peer says only how *it* wraps ([`Peer`]).
//! - **Nothing can be optimised away.** The wrapped value is opaque to the optimiser, and what a
//!   wrapper sets up (the current span, the request id) can really be read inside it. A tokio
//!   task-local that no code reads is removed by LLVM and looks free.
//! - **Nobody pays for a neighbour.** Every cell of the table runs in a process of its own
//!   ([`worker`]), where the peer is installed globally, as a service would. `tracing` without a
//!   subscriber and `tracing` with one cannot be measured in one process.
//! - **Everybody meets the same weather.** The cells take turns, sample by sample ([`pool`]), so
//!   that a noisy minute hits all of them; the table shows medians.
//! - **Allocations are counted in another binary**, so that the counter does not slow the timing.

mod budget;
mod inside;
mod options;
mod peers;
mod pool;
mod report;
mod row;
mod run;
mod shape;
mod table;
mod tally;
mod work;
mod worker;

pub use crate::run::{cells, count, measure};
