//! Floor 1: who listens. The handle, its table of handlers and listeners, and the way an event reaches them.
//!
//! The hot path holds no lock and touches no shared counter: interest is one relaxed load, and each thread keeps a
//! copy of the table behind a version number.

mod catch;
mod dispatch;
mod erased_listener;
mod error;
mod execute;
mod failure;
mod few;
mod handler;
mod interest;
mod listener;
mod listener_states;
#[cfg(all(test, allm_loom))]
#[path = "../../tests/loom/mod.rs"]
mod models;
mod panic_hook;
mod panic_safe;
mod registry;
mod sink;
mod sink_guard;
mod subscribe;
mod sync;
mod table;
mod telemetry;

pub use error::{AttachError, DetachError};
pub use handler::HandlerInfo;
pub use listener::{Listener, MAX_LISTENERS};
pub use panic_hook::capture_panic_backtraces;
pub use sink::Sink;
pub use sink_guard::{Flushed, SinkGuard};
pub use subscribe::{QueueCounts, SubscribeOptions, Subscription, WhenFull};
pub use telemetry::Telemetry;

pub(crate) use catch::{Caught, Fenced, catch};
pub(crate) use failure::{Failure, emit as emit_failure};
pub(crate) use interest::{EventSet, anywhere};
pub(crate) use listener_states::ListenerStates;
