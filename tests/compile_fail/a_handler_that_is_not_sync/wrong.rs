use allm_telemetry::{Event, handler::AttachError};
use std::cell::Cell;

pub fn count() -> Result<(), AttachError> {
    let stops = Cell::new(0);
    allm_telemetry::attach("count", "allm.tool.stop", move |_: &Event<'_>| stops.set(stops.get() + 1))
}
