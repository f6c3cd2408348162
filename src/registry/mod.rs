//! Layer 1: handlers and listeners. The handle, the registry behind it, and how an event reaches what is attached.
//!
//! A [`Telemetry`] is a handle to a registry: a concurrent map from ids to handlers and listeners. `interest` keeps a bit for
//! each kind of event on which something is attached, so that an unobserved span costs one load. `dispatch` delivers
//! an event by a table that each thread caches. `listener_states` keeps what listeners know of each span. `user_code` is
//! the one place that calls handlers, listeners and observers; it catches their panics and limits how deep they nest.
//! `subscribe` and `sink` are handlers that queue events for a task or a thread.
//!
//! Modules import in one direction: `sync`, `interest` and `user_code` are at the bottom; what is attached (`handler`,
//! `attached_listener`) is listed in a `table`, which the `registry` builds and `dispatch` reads; [`Telemetry`] and what is
//! built on it are at the top.

mod attached_listener;
mod dispatch;
mod error;
mod execute;
mod handler;
mod interest;
mod listener;
mod listener_states;
#[cfg(all(test, allm_loom))]
#[path = "../../tests/loom/mod.rs"]
mod models;
mod panic_hook;
mod queue;
mod registry;
mod sink;
mod sink_guard;
mod subscribe;
mod sync;
mod table;
mod telemetry;
mod user_code;

pub use error::{AttachError, DetachError};
pub use handler::HandlerInfo;
pub use listener::{Listener, MAX_LISTENERS};
pub use panic_hook::capture_panic_backtraces;
pub use queue::{QueueCounts, WhenFull};
pub use sink::Sink;
pub use sink_guard::{Flushed, SinkGuard};
pub use subscribe::{SubscribeOptions, Subscription};
pub use telemetry::Telemetry;

pub(crate) use interest::{EventSet, anywhere};
pub(crate) use listener_states::ListenerStates;
pub(crate) use user_code::{Caught, catch, quietly};
