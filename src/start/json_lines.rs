use std::io;

use super::error::InitError;
use crate::bridge::json_lines::JsonLines;
use crate::registry::{SinkGuard, Telemetry};

pub(super) fn attach(id: &str, telemetry: &Telemetry, file: Option<&str>) -> Result<SinkGuard, InitError> {
    let log = match file {
        None => JsonLines::to_writer(io::stderr()),
        Some(file) => {
            let error = |error| InitError::new(format!("ALLM_LOG: cannot open {file:?}"), error);
            JsonLines::to_file(file).map_err(error)?
        }
    };
    Ok(log.attach(id, telemetry)?)
}
