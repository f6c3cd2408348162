use super::error::InitError;
use crate::bridge::console::Console;
use crate::registry::{SinkGuard, Telemetry};

pub(super) fn attach(id: &str, telemetry: &Telemetry) -> Result<SinkGuard, InitError> {
    Ok(Console::new().attach(id, telemetry)?)
}
