//! Spans become OpenTelemetry spans: at their place in the tree, with their own times, and measured.
#![allow(missing_docs, reason = "tests")]

mod coming_and_going;
mod events_and_status;
mod global;
mod global_places;
mod measured;
mod places;
mod propagation;
mod tokens;
mod told;
mod world;

#[path = "../support/mod.rs"]
mod support;
