//! The pipeline: what arrives at a collector, and what becomes of calls when the collector fails.
#![allow(missing_docs, reason = "tests")]

mod arrival;
mod content;
mod conversation;
mod environment;
mod failures;
mod health;
mod limits;
mod receiver;
mod refused;
mod settings;
mod sizes;
mod variables;
mod world;

#[path = "../support/mod.rs"]
mod support;
