//! Testing your own code: see what it emitted, in parallel with other tests.

mod capture;

pub use capture::{Capture, TimedOut};
