use std::any::Any;
use std::fmt;

use crate::registry::{SinkGuard, Telemetry};

/// An OTLP pipeline, whose type exists only with its feature.
pub(super) type PipelineGuard = Box<dyn Any + Send + Sync>;

/// Keeps attached what [`init`](crate::init) has attached. Dropping it writes what is queued, for up to five seconds.
///
/// Spans that are still open then, because their tasks outlast `main`, keep the log attached: each event is written before
/// the task that emits it continues, so their ends are in the log when the runtime drops the tasks. A
/// [`shutdown`](crate::shutdown) before that waits for them.
#[must_use = "bind it to a named variable (`let _telemetry = …`): `let _ = …` drops it at once, which detaches the exporters"]
pub struct InitGuard {
    pub(super) telemetry: Telemetry,
    /// Dropped in this order.
    pub(super) pipeline: Option<PipelineGuard>,
    pub(super) log: Option<SinkGuard>,
}

impl Drop for InitGuard {
    fn drop(&mut self) {
        // Before the guard of the log is dropped, which then leaves it attached if spans are open.
        self.telemetry.start_write_through();
    }
}

impl fmt::Debug for InitGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InitGuard")
            .field("log", &self.log)
            .field("otlp", &self.pipeline.is_some())
            .finish_non_exhaustive()
    }
}
