//! Floor 1: who listens. The handle, its table of handlers and listeners, and the way an event reaches them.
//!
//! The hot path holds no lock and touches no shared counter: interest is one relaxed load, and each thread keeps a
//! copy of the table behind a version number.

mod dispatch;
mod error;
mod execute;
mod failure;
mod fence;
mod few;
mod follower;
mod handler;
mod held;
mod interest;
mod listener;
#[cfg(all(test, allm_loom))]
#[path = "../../tests/loom/mod.rs"]
mod models;
mod panic_hook;
mod set;
mod sink;
mod sink_guard;
mod states;
mod subscribe;
mod sync;
mod table;
mod telemetry;

pub use error::{AttachError, NotFound};
pub use handler::HandlerInfo;
pub use listener::{Listener, MAX_LISTENERS};
pub use panic_hook::capture_panic_backtraces;
pub use sink::Sink;
pub use sink_guard::{Flushed, SinkGuard};
pub use subscribe::{QueueCounts, SubscribeOptions, Subscription, WhenFull};
pub use telemetry::Telemetry;

pub(crate) use failure::{Failure, emit as emit_failure};
pub(crate) use fence::{Caught, Fenced, fence};
pub(crate) use interest::{Followed, anywhere};
pub(crate) use states::States;
