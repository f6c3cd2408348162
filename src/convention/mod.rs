#![doc = include_str!("../../docs/conventions.md")]
// Layer 5: what events are called outside, and what of them may leave. Pure: no bridge, no I/O.
//
// A profile is a table (`otel_1_41`, `openinference`); what no convention names is in `own`. A new version of a
// convention is a new table, and a new `Profile`.

mod attribute;
mod cardinality;
mod content;
mod group;
mod instrument;
mod instruments_1_41;
mod mapping;
mod measure;
mod openinference;
mod otel_1_41;
mod own;
pub(crate) mod policy;
mod profile;
mod reading;
mod rule;
pub(crate) mod taker;

pub use attribute::Attribute;
pub use instrument::Instrument;
pub use mapping::Convention;
pub use measure::Label;
pub use policy::{Outgoing, Redact};
pub use profile::Profile;
pub use rule::{Rule, SpanKind};

pub(crate) use policy::Policy;
