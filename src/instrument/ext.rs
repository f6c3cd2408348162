use std::future::Future;

use futures::Stream;

use super::future::SpanFuture;
use super::stream::{SpanStream, State};
use crate::context::{Context, InContext};
use crate::span::{
    Classify, Fallible, Input, Judge, Live, NoObserver, OnChunk, OnStop, PendingSpan, Plain, Span, Trying,
};

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
    fn in_span<S, K, I>(self, span: Span<S, NoObserver, K, I>) -> SpanFuture<Self, Trying<K>, S, I>
    where
        Self::Output: Fallible,
        K: Classify<<Self::Output as Fallible>::Err>,
        S: OnStop<<Self::Output as Fallible>::Ok>,
        I: Input,
    {
        SpanFuture::new(self, span.unsettled, Trying(span.classify), span.on_stop, span.input)
    }

    /// Wraps a future that cannot fail. It looks at nothing: a `Result` given to it is `completed`, `Err` or not,
    /// unless an observer says otherwise.
    #[inline]
    fn in_span_infallible<S, K, I>(self, span: Span<S, NoObserver, K, I>) -> SpanFuture<Self, Plain, S, I>
    where
        S: OnStop<Self::Output>,
        I: Input,
    {
        SpanFuture::new(self, span.unsettled, Plain, span.on_stop, span.input)
    }

    /// Makes the future carry the context of the code that calls this, wherever it is polled: on another task, on a
    /// foreign executor, after a channel.
    fn in_current_context(self) -> InContext<Self> {
        InContext::new(Context::current(), self)
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
    fn in_span<S, C, K, I>(self, span: Span<S, C, K, I>) -> SpanStream<Self, Trying<K>, S, C>
    where
        Self::Item: Fallible,
        K: Classify<<Self::Item as Fallible>::Err>,
        S: OnStop<()>,
        C: OnChunk<<Self::Item as Fallible>::Ok>,
        I: Input,
    {
        let Span { unsettled, on_stop, on_chunk, classify, input } = span;
        wrap(self, unsettled, input, Trying(classify), on_stop, on_chunk)
    }

    /// Wraps a stream whose items cannot fail. It looks at nothing: an item that is a `Result` is a chunk, `Err` or
    /// not, unless an observer says otherwise.
    #[inline]
    fn in_span_infallible<S, C, K, I>(self, span: Span<S, C, K, I>) -> SpanStream<Self, Plain, S, C>
    where
        S: OnStop<()>,
        C: OnChunk<Self::Item>,
        I: Input,
    {
        let Span { unsettled, on_stop, on_chunk, input, .. } = span;
        wrap(self, unsettled, input, Plain, on_stop, on_chunk)
    }

    /// Makes the stream carry the context of the code that calls this, wherever it is polled.
    fn in_current_context(self) -> InContext<Self> {
        InContext::new(Context::current(), self)
    }
}

impl<S: Stream> StreamSpanExt for S {}

#[inline]
fn wrap<St: Stream, J: Judge<St::Item>, S: OnStop<()>, C, I: Input>(
    inner: St,
    mut unsettled: PendingSpan,
    input: I,
    judge: J,
    on_stop: S,
    on_chunk: C,
) -> SpanStream<St, J, S, C> {
    let state = match unsettled.settle(&mut Some(input)) {
        None => State::Unobserved(unsettled.context),
        Some(active) => State::Observed(Box::new(Live::new(active))),
    };
    SpanStream::new(inner, state, judge, Some(on_stop), on_chunk)
}

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
        let carried = InContext::new(Context::current(), self);
        move || carried.run()
    }
}

impl<R, F: FnOnce() -> R> ClosureContextExt<R> for F {}
