//! Layer 3: a span from its start to its one end.
//!
//! [`Span`](builder) is the builder: where the span was built (`pending`), its start keys (`options`) and its observer
//! (`observe`). [`Lifecycle`](lifecycle) is the state machine that every wrapper drives: pending, then unobserved or observed,
//! then ended. An observed span has a context to be entered (`active`) and what was recorded so far (`recording`), which the
//! user's closures write through a `Record`. However the code inside is left, its `Exit` and the first recorded failure
//! decide the outcome (`exit`), and [`end`](end::end) emits the end.

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

pub(crate) use end::end;
pub(crate) use exit::Exit;
pub(crate) use lifecycle::{Lifecycle, Observed};
pub(crate) use pending::PendingSpan;
pub(crate) use recording::Recording;
