//! A stream that is polled inside something: what tracing-futures and fastrace-futures do.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

/// Something that can be current for a while.
pub(crate) trait Enter {
    /// Current as long as this lives.
    type Guard<'a>
    where
        Self: 'a;

    fn enter(&self) -> Self::Guard<'_>;
}

pin_project_lite::pin_project! {
    /// The stream, polled inside `scope`.
    pub(crate) struct Inside<S, E> {
        #[pin]
        stream: S,
        scope: E,
    }
}

impl<S, E> Inside<S, E> {
    pub(crate) fn new(stream: S, scope: E) -> Self {
        Inside { stream, scope }
    }
}

impl<S: Stream, E: Enter> Stream for Inside<S, E> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let _guard = this.scope.enter();
        this.stream.poll_next(cx)
    }
}
