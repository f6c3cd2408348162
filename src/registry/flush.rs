use std::sync::{Arc, Weak};
use std::time::Duration;

/// An exporter with a queue.
pub(crate) trait Flush: Send + Sync {
    /// Writes what is queued. Blocks the thread until that is done, at most until the deadline.
    fn flush(&self, deadline: Duration) -> Written;

    /// Waits until what is queued is written, if that is a matter of milliseconds. Called for each event after a shutdown.
    fn write_through(&self) {}
}

/// What became of the events or spans of an exporter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) written: u64,
    pub(crate) lost: u64,
    pub(crate) waiting: u64,
    pub(crate) error: Option<String>,
}

/// The exporters of a handle that have a queue, by id.
pub(super) type Exporters = Vec<(Arc<str>, Weak<dyn Flush>)>;
