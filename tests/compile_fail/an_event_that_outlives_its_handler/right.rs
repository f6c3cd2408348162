use allm_telemetry::{Event, event::OwnedEvent, handler::AttachError};
use std::cell::RefCell;

thread_local! {
    static LAST: RefCell<Option<OwnedEvent>> = const { RefCell::new(None) };
}

pub fn keep() -> Result<(), AttachError> {
    allm_telemetry::attach("keep", "allm.tool.stop", |event: &Event<'_>| {
        LAST.set(Some(event.to_owned()));
    })
}
