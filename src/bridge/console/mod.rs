//! A live tree of spans, for people at a terminal.
//!
//! While one request runs, its lines appear as they happen: one when a span starts, one when it ends.
//!
//! ```text
//! ┌ chat                                                    RcKx0cRkQtWCVzT1yw0vEg
//! │ ┌ stream gpt-5
//! │ │ retry 1 in 250ms  rate_limited
//! │ │ first chunk after 560ms
//! │ └ stream gpt-5                        960ms  completed  first chunk 560ms  812 in (600 cached) 96 out  2 attempts
//! │ ┌ tool search
//! │ ┌ tool weather
//! │ └ tool weather                        400ms  completed
//! │ └ tool search                         900ms  error      host_down
//! └ chat                                   1.8s  completed
//! ```
//!
//! When requests overlap, each tree is printed whole when its outermost span ends:
//!
//! ```text
//! chat                                     1.8s  completed  RcKx0cRkQtWCVzT1yw0vEg
//! ├─ stream gpt-5                         960ms  completed  first chunk 560ms  812 in (600 cached) 96 out  2 attempts
//! │    retry 1 in 250ms  rate_limited
//! ├─ tool search                          900ms  error      host_down
//! └─ tool weather                         400ms  completed
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
