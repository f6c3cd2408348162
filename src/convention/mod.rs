#![doc = include_str!("../../docs/conventions.md")]
// Layer 5: the names under which events are exported, and the data that may be exported. Without I/O.
//
// A `Rule` is one attribute: its key and a function that reads its value from a span. A profile (`otel_1_41`,
// `openinference`) is an exhaustive match from span names to rules, or a list of differences (`otel_genai`); attributes that are
// sent with every profile are in `common`. A `Convention` puts the rules of its profiles together once, and then reads each event
// through a `SpanView`, where the `Policy` and the `CardinalityLimiter` apply, and `Bounds` limits the size of what is read.
// `measure` does the same for metrics, with the labels of `Instrument`s.

mod attribute;
mod bounds;
mod cardinality;
mod common;
mod content;
mod convention;
mod instrument;
mod instruments_1_41;
mod label;
mod measure;
mod name;
mod openinference;
mod otel_1_41;
mod otel_genai;
pub(crate) mod policy;
mod profile;
mod rule;
mod span_view;
mod user_keys;

pub use attribute::Attribute;
pub use convention::Convention;
pub use instrument::{Instrument, InstrumentKind};
pub use measure::Label;
pub use name::SpanKind;
pub use policy::{Outgoing, Redact};
pub use profile::Profile;
pub use rule::Rule;
