//! Floor 5: what events are called outside, and what of them may leave. Pure: no bridge, no I/O.

mod policy;

pub use policy::{Outgoing, Policy, Redact};
