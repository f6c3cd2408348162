//! Floor 3: a span from its start to its one end.
//!
//! [`Span`] says what a span is; [`settle`] finds out where it belongs and whether anybody observes it; [`active`]
//! is the armed guard that ends it once; [`live`] adds what a stream measures.

mod active;
mod builder;
mod classify;
mod extras;
mod judge;
mod live;
mod manual;
mod observer;
mod options;
mod pending;
mod record;
mod retry;
mod stream_stats;

pub use builder::Span;
pub use classify::{ByDisplay, Classify, Described, ErrorInfo, Typed};
pub use judge::{Fallible, Judge, Plain, Trying};
pub use manual::ActiveSpan;
pub use observer::{Both, Input, KeepResponse, NoObserver, OnChunk, OnStop, Output, Then};
pub use record::Record;
pub use retry::{adapter_retry, retry_notifier, retry_notifier_with};

pub(crate) use active::{Active, Ending};
pub use judge::Fault;
pub(crate) use live::Live;
pub(crate) use pending::PendingSpan;
