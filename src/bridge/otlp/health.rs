use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::signal::Signal;
use crate::registry::Telemetry;

/// Reports when an exporter can no longer deliver, and when it can again: once each.
#[derive(Debug)]
pub(super) struct Health {
    exporter: &'static str,
    is_failing: AtomicBool,
    /// Whose handlers are called. `None` once the pipeline is shut down: the bridge that is attached to this handle owns the
    /// exporter, and neither would be dropped otherwise.
    telemetry: Mutex<Option<Telemetry>>,
}

impl Health {
    pub(super) fn new(signal: Signal, telemetry: Telemetry) -> Self {
        let exporter = signal.exporter();
        Self { exporter, is_failing: AtomicBool::new(false), telemetry: Mutex::new(Some(telemetry)) }
    }

    pub(super) fn failed(&self, why: &str) {
        if !self.is_failing.swap(true, Ordering::Relaxed)
            && let Some(telemetry) = self.telemetry()
        {
            telemetry.sink_failed(self.exporter, &io::Error::other(why));
        }
    }

    pub(super) fn works(&self) {
        if self.is_failing.swap(false, Ordering::Relaxed)
            && let Some(telemetry) = self.telemetry()
        {
            telemetry.sink_recovered(self.exporter);
        }
    }

    /// Reports nothing from now on.
    pub(super) fn close(&self) {
        drop(self.telemetry.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    // A clone, so that the lock is not held while handlers run.
    fn telemetry(&self) -> Option<Telemetry> {
        self.telemetry.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
