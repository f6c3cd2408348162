use std::env;

use super::error::InitError;
use super::guard::InitGuard;
use super::{console, json_lines, otlp};
use crate::context::Context;
use crate::registry::{SinkGuard, Telemetry};

/// The ids under which the exporters are attached.
const LOG_ID: &str = "ALLM_LOG";
const OTLP_ID: &str = "OTEL_EXPORTER_OTLP";

/// Attaches exporters as the environment says, on the handle of the current context, which is the global one outside all scopes
/// and observed spans. Call it at the start of `main`, and keep the guard until its end.
///
/// | variable | value | exporter | feature |
/// |---|---|---|---|
/// | `ALLM_LOG` | `console` | the live tree, on standard error | `console` |
/// | | `json` | JSON lines, on standard error | `json-lines` |
/// | | `json:FILE` | JSON lines, appended to the file; `json:/dev/stdout` writes to standard output | `json-lines` |
/// | | not set, or empty | no log | |
/// | `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, `OTEL_TRACES_EXPORTER` or `OTEL_METRICS_EXPORTER` | set | spans and metrics to an OTLP collector, with the other `OTEL_*` variables that the module `bridge::otlp` lists | `otlp` |
///
/// If no variable is set, nothing is attached, and spans cost what unobserved ones cost. Without the feature `otlp`, the
/// variables of OpenTelemetry are ignored. All exporters have the default [`Policy`](crate::Policy): no content and no
/// user-defined keys. To choose anything else, attach the exporters yourself.
///
/// # Errors
///
/// If `ALLM_LOG` has another value or names an exporter whose feature is off, if its file cannot be opened, if an `OTEL_*`
/// variable is invalid, or if `init` was called before and its guard exists.
///
/// # Panics
///
/// If the system cannot start a thread for the log, as [`std::thread::spawn`] does.
///
/// # Examples
///
/// `ALLM_LOG=console cargo run` shows what this program does:
///
/// ```no_run
/// use std::time::Duration;
/// use allm_telemetry::prelude::*;
///
/// # async fn serve() -> Result<(), std::io::Error> { Ok(()) }
/// #[tokio::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let _telemetry = allm_telemetry::init()?;
///     serve().in_span(Span::chat()).await?;
///     // Waits for calls on tasks that are still running, and writes what is queued.
///     let report = allm_telemetry::shutdown(Duration::from_secs(10)).await;
///     if !report.is_complete() {
///         eprintln!("{report}");
///     }
///     Ok(())
/// }
/// ```
pub fn init() -> Result<InitGuard, InitError> {
    let telemetry = Context::current().telemetry();
    let log = log(&telemetry)?;
    let pipeline = otlp::attach(OTLP_ID, &telemetry)?;
    Ok(InitGuard { telemetry, pipeline, log })
}

fn log(telemetry: &Telemetry) -> Result<Option<SinkGuard>, InitError> {
    let Some(value) = env::var_os("ALLM_LOG").filter(|value| !value.is_empty()) else { return Ok(None) };
    let Some(value) = value.to_str() else { return Err(InitError::log(&value.to_string_lossy())) };
    match value.split_once(':') {
        None if value == "console" => console::attach(LOG_ID, telemetry),
        None if value == "json" => json_lines::attach(LOG_ID, telemetry, None),
        Some(("json", file)) if !file.is_empty() => json_lines::attach(LOG_ID, telemetry, Some(file)),
        _ => Err(InitError::log(value)),
    }
    .map(Some)
}
