//! The real thing: does what the plan says with real spans, futures, tasks and handlers.

mod actor;
mod drive;
mod follower;
mod task;
mod witness;
mod world;
mod worn;

pub(crate) use drive::{run, run_on_threads};
