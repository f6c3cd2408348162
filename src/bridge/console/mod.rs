//! A live tree of spans, for people at a terminal.
//!
//! While a single request is running, its lines are printed as they happen: one when a span starts, one when it ends.
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
//! A span that begins with `…` has a parent that is not shown: it ended before, or started before the console was attached.
//!
//! Content and your own keys are printed only if a [`Policy`](crate::Policy) allows them. Control characters are
//! replaced, so that a model's output cannot control your terminal.
//!
//! # How it works
//!
//! The `Renderer` is a [`Sink`](crate::handler::Sink), which is called on a thread of its own. It keeps the running
//! `Requests` with their spans and turns each event into lines: immediately while a single request is running, otherwise a whole
//! `tree` when the outermost span ends. `render` makes the text of a line's parts, `Output` puts them into columns and writes them.

mod builder;
mod output;
mod render;
mod renderer;
mod requests;
mod role;
mod span;
mod text;
mod tree;

pub use builder::Console;
