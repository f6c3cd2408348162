//! Writes each event as one line of JSON, to a file or any writer, through a bounded queue and a thread of its own.
//!
//! ```json
//! {"event":"allm.tool.stop","measurements":{"duration":41250,…},"metadata":{"request_id":"…","outcome":"completed",…}}
//! ```
//!
//! Integers are nanoseconds; `system_time` counts from the Unix epoch, `monotonic_time` from an arbitrary origin of
//! the process. The catalogue's keys are written, content as null, and metadata keys of your own are left out, unless a
//! [`Policy`](crate::Policy) allows them. Measurements of your own are written.

mod builder;
mod lines;

pub use builder::JsonLines;
