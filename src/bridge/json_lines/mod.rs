//! One event a line, as JSON, to any writer or file, through a bounded queue and a thread of its own.
//!
//! ```json
//! {"event":"allm.tool.stop","measurements":{"duration":41250,…},"metadata":{"request_id":"…","outcome":"completed",…}}
//! ```
//!
//! Integers are nanoseconds; `system_time` counts from the Unix epoch, `monotonic_time` from an arbitrary origin of
//! the process. The catalogue's keys leave, content as null and metadata keys of your own not at all, until a
//! [`Policy`](crate::Policy) says otherwise. Measurements of your own are numbers, and leave.

mod builder;
mod format;
mod lines;

pub use builder::JsonLines;
