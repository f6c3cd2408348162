use std::future::Future;

use futures::Stream;

use super::future::SpanFuture;
use super::stream::SpanStream;
use crate::context::{Context, InContext, Scope};
use crate::span::Span;
use crate::span::observe::{AsResult, Classify, Fallible, Infallible, Observe};

/// Extension trait that wraps futures in spans. In the [prelude](crate::prelude).
pub trait FutureSpanExt: Future + Sized {
    /// Wraps a future that returns a `Result`. If it returns an `Err`, the outcome of the span is `error`.
    ///
    /// The error must implement `Display`, unless [`error_with`](Span::error_with) is used.
    ///
    /// For a future that returns a stream use [`Span::open`]: `in_span` would end before the first item.
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

    /// Wraps a future of any output type. Every output is reported as `completed`, even an `Err`, unless an observer
    /// records an error.
    #[inline]
    fn in_span_infallible<O>(self, span: Span<O>) -> SpanFuture<Self, Infallible<O>>
    where
        O: Observe<Self::Output>,
    {
        SpanFuture::new(self, span.pending, Infallible(span.observer))
    }

    /// Attaches the current context to the future, so that it is polled in this context on any task or executor. If the
    /// context of the first poll is nested in this one, that context is used instead.
    fn in_current_context(self) -> InContext<Self> {
        InContext::pending(Scope::Same, self)
    }
}

impl<F: Future> FutureSpanExt for F {}

/// Extension trait that wraps streams in spans. In the [prelude](crate::prelude).
///
/// On a type that is both a `Future` and a `Stream`, call them as `StreamSpanExt::in_span(value, span)`.
pub trait StreamSpanExt: Stream + Sized {
    /// Wraps a stream of `Result`s. If an item is an `Err`, the outcome of the span is `error`; the stream can still be
    /// polled.
    ///
    /// The error must implement `Display`, unless [`error_with`](Span::error_with) is used.
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

    /// Wraps a stream of any items. Every item is counted as a chunk, even an `Err`, and no item changes the outcome unless
    /// an observer records an error.
    #[inline]
    fn in_span_infallible<O>(self, span: Span<O>) -> SpanStream<Self, Infallible<O>>
    where
        O: Observe<Self::Item>,
    {
        SpanStream::new(self, span.pending, Infallible(span.observer))
    }

    /// Attaches the current context to the stream, so that it is polled in exactly this context on any task or executor.
    fn in_current_context(self) -> InContext<Self> {
        // A future waits for its first poll to choose its context. A stream, as with `in_span`, has it when it is wrapped.
        InContext::exactly(Context::current(), self)
    }
}

impl<S: Stream> StreamSpanExt for S {}

/// Extension trait that attaches the current context to closures. In the [prelude](crate::prelude).
pub trait ClosureContextExt<R>: FnOnce() -> R + Sized {
    /// Attaches the current context to the closure, so that it runs in this context on any thread. If the context in which
    /// it is called is nested in this one, that context is used instead.
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
