//! What a call used, in the terms of the provider that reports it.
//!
//! A [`Usage`] stores the numbers as they were reported, by `Term`, and for each part of the input or output whether it is
//! counted inside or beside the rest. Nothing is added up until a count is read (`wholes.rs`), so it does not matter in which
//! order the frames of a stream report the numbers: merging two usages replaces term by term.

mod counts;
mod term;
mod token_count;
mod usage;
mod wholes;

pub use token_count::TokenCount;
pub use usage::Usage;
