//! Layer 1: handlers and listeners. The handle, the registry behind it, and how an event reaches what is attached.
//!
//! A [`Telemetry`] is a handle to a registry: a concurrent map from ids to handlers and listeners. `interest` stores one bit
//! per kind of event that has a handler or listener, so that a span that is not observed costs one load. `dispatch` delivers
//! events using a handler table that each thread caches. `listener_states` stores the state of each listener for each span.
//! All calls of handlers, listeners and observers go through `user_code`, which catches their panics and limits their nesting.
//! `subscribe` and `attach_sink` implement handlers that queue events for a task or a thread. `shutdown` waits until the
//! counters of `open_spans` are even and flushes what is queued.
//!
//! Modules import in one direction. `sync`, `interest` and `user_code` are at the bottom. A `table` lists the attached
//! `handler`s and `attached_listener`s; the `registry` builds it and `dispatch` reads it. [`Telemetry`] and the modules that
//! extend it are at the top.

mod attach_sink;
mod attached_listener;
mod chunk;
mod dispatch;
mod error;
mod event_names;
mod execute;
pub(crate) mod flush;
mod handler;
mod interest;
mod listener;
mod listener_states;
// The loom models use private items of this module, so they are compiled as a part of it.
#[cfg(all(test, allm_loom))]
#[path = "../../tests/loom/mod.rs"]
mod models;
mod open_spans;
mod panic_hook;
mod queue;
mod registry;
mod shutdown;
mod shutdown_report;
mod sink;
mod sink_guard;
mod sink_worker;
mod subscribe;
mod sync;
mod table;
mod telemetry;
mod user_code;

pub use chunk::Chunk;
pub use error::{AttachError, DetachError};
pub use event_names::EventNameError;
pub use handler::HandlerInfo;
pub use listener::{Listener, MAX_LISTENERS};
pub use panic_hook::capture_panic_backtraces;
pub use queue::{QueueCounts, WhenFull};
pub use shutdown_report::{ExporterReport, OpenSpans, ShutdownReport};
pub use sink::Sink;
pub use sink_guard::{Flushed, ReopenHandle, SinkGuard};
pub use subscribe::{SubscribeOptions, Subscription};
pub use telemetry::Telemetry;

pub(crate) use interest::{EventSet, is_observed_anywhere};
pub(crate) use listener_states::ListenerStates;
pub(crate) use user_code::{Caught, catch, quietly};
