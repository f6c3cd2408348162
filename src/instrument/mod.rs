//! Layer 4: wrappers that run code inside a span.
//!
//! A wrapper has the inner value in an `Option`, a [`Lifecycle`](crate::span) and an observer. Each poll starts the span if
//! it is pending, enters its context, polls the inner value and observes the result. When the inner value is finished or has
//! panicked, it is dropped inside the span, so that nested spans end first; then the span ends, and a panic is resumed
//! (`inner`). `spawn` starts tasks in the current context.

mod closure;
mod ext;
mod future;
mod inner;
mod open;
mod opens;
mod spawn;
mod stream;

pub use closure::{SpanReturn, span, span_sync};
pub use ext::{ClosureContextExt, FutureSpanExt, StreamSpanExt};
pub use future::SpanFuture;
pub use open::OpenStream;
pub use opens::{InfallibleItems, OpenedInfallible, Opens};
pub use spawn::{JoinSetContextExt, spawn, spawn_blocking, spawn_local};
pub use stream::SpanStream;
