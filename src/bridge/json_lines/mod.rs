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
//! Integers are nanoseconds; `system_time` counts from the Unix epoch, `monotonic_time` from an arbitrary origin of
//! the process. The catalogue's keys are written, content as null. Metadata keys and measurements of your own, in the events
//! that you execute too, are left out unless a [`Policy`](crate::Policy) allows them.

mod builder;
mod lines;
mod rfc3339;

pub use builder::JsonLines;
