//! A live tree of spans, for people at a terminal.
//!
//! While one request runs, its lines appear as they happen: one when a span starts, one when it ends.
//!
//! ```text
//! ┌ chat                                                             req-1
//! │ ┌ stream gpt-5
//! │ │ retry 1 in 250ms  rate_limited
//! │ │ first chunk after 310ms
//! │ └ stream gpt-5                             1.1s  completed  first chunk 310ms  812 in  96 out  2 attempts
//! │ ┌ tool weather
//! │ └ tool weather                            420ms  error      Timeout
//! └ chat                                       1.5s  completed
//! ```
//!
//! When requests overlap, each tree is printed whole when its outermost span ends:
//!
//! ```text
//! chat                                         1.5s  completed  req-1
//! ├─ stream gpt-5                              1.1s  completed  first chunk 310ms  812 in  96 out  2 attempts
//! │  retry 1 in 250ms  rate_limited
//! └─ tool weather                             420ms  error      Timeout
//! ```
//!
//! A span that begins with `…` belongs to one that is not shown: it ended before, or the console came later.
//!
//! No content is shown, and none of your own keys, until a [`Policy`](crate::Policy) says otherwise. Whatever is shown
//! is stripped of control characters, so that no model can write to your terminal.

mod builder;
mod layout;
mod live;
mod paint;
mod screen;
mod span;
mod store;
mod text;
mod told;
mod trees;
mod whole;

pub use builder::Console;
