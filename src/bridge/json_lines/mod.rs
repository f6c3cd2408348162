//! Writes each event as one line of JSON, to a file or any writer, through a bounded queue and a thread of its own.
//!
//! ```json
//! {"time":"2026-11-27T14:05:09.123456789Z","event":"allm.tool.stop","measurements":{"duration":41250,…},"metadata":{"request_id":"…","outcome":"completed",…}}
//! ```
//!
//! `time` is when the event happened, in UTC. A span reads the system clock once, at its start; the times of its later lines
//! follow from the monotonic clock, so a change of the system clock inside a span moves none of them. An event that was passed
//! to [`execute`](crate::execute) has the `system_time` that it gives, otherwise the time of the call.
//!
//! Times and durations are integers in nanoseconds; `system_time` counts from the Unix epoch, `monotonic_time` from an
//! arbitrary origin of the process. The catalogue's keys are written. Unless a [`Policy`](crate::Policy) allows them, content is
//! null, and `output`, and metadata keys and measurements of your own, are absent.
//!
//! Events that you [execute](crate::execute) are written only if [`events`](JsonLines::events) names them, and their keys only
//! if the policy allows them.
//!
//! # Rotation
//!
//! A log file can be rotated while the program runs. With logrotate's `copytruncate` there is nothing to do: each write is at the
//! end of the file as it is then. If the file is renamed instead, which loses no line, ask the log to open its path again
//! afterwards, usually when the process receives `SIGHUP`:
//!
//! ```
//! use allm_telemetry::{Telemetry, bridge::json_lines::JsonLines};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = std::env::temp_dir().join(format!("json-lines-rotated-{}", std::process::id()));
//! # let telemetry = Telemetry::new();
//! # let (_sender, mut hangups) = tokio::sync::mpsc::channel::<()>(1);
//! let log = JsonLines::to_file(&path)?.attach("log", &telemetry)?;
//!
//! // let mut hangups = tokio::signal::unix::signal(SignalKind::hangup())?;
//! let reopen = log.reopen_handle();
//! tokio::spawn(async move {
//!     while hangups.recv().await.is_some() {
//!         reopen.reopen();
//!     }
//! });
//! # drop(log);
//! # std::fs::remove_file(&path)?;
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//! /var/log/service/events.jsonl {
//!     daily
//!     rotate 7
//!     compress
//!     delaycompress
//!     postrotate
//!         systemctl kill --signal=HUP service
//!     endscript
//! }
//! ```
//!
//! `delaycompress` matters: events that were queued when the file was renamed may still be written to it.
//! If the path cannot be opened, the log continues with the file that it has, and reports the failure.
//!
//! # Torn lines
//!
//! A crash or a full disk may leave half a line at the end of a file. The next line to be written begins with a line feed then, so
//! that no other line is spoiled. Readers should skip lines that are not JSON. All lines of a write that failed count as lost,
//! although the first of them may be in the file.

mod builder;
mod lines;
mod output;
mod rfc3339;

pub use builder::JsonLines;
