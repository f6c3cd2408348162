//! Handlers, subscriptions and sinks: who is called, with what, and what a test captures.

mod attaching;
mod capture;
mod catalogue;
mod event_docs;
mod events_and_names;
mod fields;
mod handlers_that_nest;
mod key_sets;
mod names_that_can_exist;
mod shutting_down;
mod sinks;
mod subscriptions;
#[path = "../support/mod.rs"]
mod support;
