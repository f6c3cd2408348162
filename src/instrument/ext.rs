use std::future::Future;

use futures::Stream;

use super::future::SpanFuture;
use super::stream::SpanStream;
use crate::context::{Context, InContext, Scope};
use crate::span::Span;
use crate::span::observe::{AsResult, Classify, Fallible, Infallible, Observe};

/// Spans for futures. In the [prelude](crate::prelude).
pub trait FutureSpanExt: Future + Sized {
    /// Wraps a future of `Result`: `Err` ends the span with `error`.
    ///
    /// The error needs `Display`, which gives its text. For one without, [`error_with`](Span::error_with) describes it.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let answer: Result<u8, std::num::ParseIntError> =
    ///     async { "four".parse() }.in_span(Span::generate().model("gpt-5")).await;
    /// assert!(answer.is_err());
    /// # }
    /// ```
    #[inline]
    fn in_span<O>(self, span: Span<O>) -> SpanFuture<Self, Fallible<O>>
    where
        Self::Output: AsResult,
        O: Classify<<Self::Output as AsResult>::Err> + Observe<<Self::Output as AsResult>::Ok>,
    {
        SpanFuture::new(self, span.pending, Fallible(span.observer))
    }

    /// Wraps a future that cannot fail. It looks at nothing: a `Result` given to it is `completed`, `Err` or not,
    /// unless an observer says otherwise.
    #[inline]
    fn in_span_infallible<O>(self, span: Span<O>) -> SpanFuture<Self, Infallible<O>>
    where
        O: Observe<Self::Output>,
    {
        SpanFuture::new(self, span.pending, Infallible(span.observer))
    }

    /// Makes the future carry the context of the code that calls this, wherever it is polled: on another task, on another
    /// executor, after a channel. If the first poll is further inside that context, the one of the poll counts.
    fn in_current_context(self) -> InContext<Self> {
        InContext::pending(Scope::Same, self)
    }
}

impl<F: Future> FutureSpanExt for F {}

/// Spans for streams. In the [prelude](crate::prelude).
///
/// On a type that is both a `Future` and a `Stream`, call them as `StreamSpanExt::in_span(value, span)`.
pub trait StreamSpanExt: Stream + Sized {
    /// Wraps a stream of `Result`: its first `Err` makes the outcome `error`, and the stream goes on.
    ///
    /// The error needs `Display`, or [`error_with`](Span::error_with), as for a future.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::prelude::*;
    /// use futures::{stream, TryStreamExt as _};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), std::io::Error> {
    /// let tokens = stream::iter([Ok("Hel"), Ok::<_, std::io::Error>("lo")]);
    /// let text: String = tokens.in_span(Span::stream().model("gpt-5")).try_collect().await?;
    /// assert_eq!(text, "Hello");
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    fn in_span<O>(self, span: Span<O>) -> SpanStream<Self, Fallible<O>>
    where
        Self::Item: AsResult,
        O: Classify<<Self::Item as AsResult>::Err> + Observe<<Self::Item as AsResult>::Ok>,
    {
        SpanStream::new(self, span.pending, Fallible(span.observer))
    }

    /// Wraps a stream whose items cannot fail. It looks at nothing: an item that is a `Result` is a chunk, `Err` or
    /// not, unless an observer says otherwise.
    #[inline]
    fn in_span_infallible<O>(self, span: Span<O>) -> SpanStream<Self, Infallible<O>>
    where
        O: Observe<Self::Item>,
    {
        SpanStream::new(self, span.pending, Infallible(span.observer))
    }

    /// Makes the stream carry the context of the code that calls this, wherever it is polled.
    fn in_current_context(self) -> InContext<Self> {
        InContext::exactly(Context::current(), self)
    }
}

impl<S: Stream> StreamSpanExt for S {}

/// Context for closures. In the [prelude](crate::prelude).
pub trait ClosureContextExt<R>: FnOnce() -> R + Sized {
    /// Makes the closure carry the context of the code that calls this, whatever thread runs it.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::{prelude::*, current_request_id};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// async {
    ///     let here = current_request_id();
    ///     let there = std::thread::spawn(current_request_id.in_current_context()).join().unwrap();
    ///     assert_eq!(here, there);
    /// }
    /// .in_span_infallible(Span::chat())
    /// .await;
    /// # }
    /// ```
    fn in_current_context(self) -> impl FnOnce() -> R {
        let carried = InContext::pending(Scope::Same, self);
        move || carried.run()
    }
}

impl<R, F: FnOnce() -> R> ClosureContextExt<R> for F {}
