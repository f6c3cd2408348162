use allm_telemetry::{Event, handler::AttachError};
use std::cell::RefCell;

thread_local! {
    static LAST: RefCell<Option<Event<'static>>> = const { RefCell::new(None) };
}

pub fn keep() -> Result<(), AttachError> {
    allm_telemetry::attach("keep", "allm.tool.stop", |event: &Event<'_>| {
        LAST.set(Some(*event));
    })
}
