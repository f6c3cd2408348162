use allm_telemetry::{Event, handler::AttachError};
use std::sync::atomic::{AtomicU64, Ordering};

pub fn count() -> Result<(), AttachError> {
    let stops = AtomicU64::new(0);
    allm_telemetry::attach("count", "allm.tool.stop", move |_: &Event<'_>| {
        stops.fetch_add(1, Ordering::Relaxed);
    })
}
