//! Floor 4: what wears a span. Futures, streams, futures of streams, closures, and the ways to another task.

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
