use allm_telemetry::{AttachError, Event, OwnedEvent};
use std::sync::mpsc::SyncSender;

pub fn forward(to: SyncSender<OwnedEvent>) -> Result<(), AttachError> {
    allm_telemetry::attach("forward", "allm.tool.stop", move |event: &Event<'_>| {
        let _ = to.try_send(event.to_owned());
    })
}
