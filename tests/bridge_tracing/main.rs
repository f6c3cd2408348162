//! The bridge to `tracing`, as subscribers see it.
#![allow(clippy::async_yields_async, reason = "what is built here and awaited elsewhere is what is tested")]

mod recorder;
#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "otel")]
mod beside_otel;
mod ends;
mod faults;
mod filters;
mod global_places;
mod installed_late;
mod nesting;
mod opentelemetry;
mod prepared_early;
mod secrets;
mod spans;
mod subscribers;
mod tasks;
mod usage;

use allm_telemetry::Telemetry;
use allm_telemetry::bridge::tracing::Tracing;
use recorder::Recorder;
use tracing::dispatcher::DefaultGuard;

/// A handle with the bridge attached.
fn attached(tracing: Tracing) -> Telemetry {
    let telemetry = Telemetry::new();
    tracing.attach("tracing", &telemetry).unwrap();
    telemetry
}

/// The bridge, and what the subscriber of this thread is told. A test's runtime has one thread.
fn recorded(tracing: Tracing) -> (Telemetry, Recorder, DefaultGuard) {
    let recorder = Recorder::new();
    let guard = tracing::dispatcher::set_default(&recorder.dispatch());
    (attached(tracing), recorder, guard)
}
