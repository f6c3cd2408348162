//! Layer 3: spans and their lifecycle.
//!
//! [`Span`](builder) is the builder. It contains the context in which it was created (`pending`), the start keys (`options`)
//! and the observers (`observe`). [`Lifecycle`](lifecycle) is the state machine that every wrapper drives: pending, then
//! either unobserved, or observed and then ended. A span is *observed* if a handler or listener for its name is attached
//! when it is created, and still attached to its `Telemetry` handle when it starts.
//!
//! An observed span has an active context (`active`) and recorded data (`recording`), to which user closures write through
//! a `Record`. An `Exit` says how the wrapped code ended. Together with the first recorded failure, and with whether the answer
//! was finished, it determines the outcome (`exit`), and [`end`](end::end) emits the end event.

mod active;
mod builder;
mod end;
mod error_class;
mod exit;
mod extras;
mod lifecycle;
mod manual;
mod observation;
pub(crate) mod observe;
mod options;
mod pending;
mod record;
mod recorded;
mod recording;
mod retry;

pub use builder::Span;
pub use manual::ActiveSpan;
pub use record::Record;
pub use recorded::Recorded;
pub use retry::{adapter_retry, retry_notifier, retry_notifier_with};

pub(crate) use active::emit_start;
pub(crate) use end::end;
pub(crate) use exit::Exit;
pub(crate) use lifecycle::{Lifecycle, Observed};
pub(crate) use pending::PendingSpan;
pub(crate) use recording::Recording;
