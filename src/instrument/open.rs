use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures::Stream;
use pin_project::{pin_project, pinned_drop};

use super::inner::{drop_early, poll_observed, poll_unobserved, resume};
use super::opens::{OpenedInfallible, Opens};
use super::stream::SpanStream;
use crate::span::observe::{AsResult, Classify, Fallible, Observe, Observer};
use crate::span::{Exit, Lifecycle, Observed, PendingSpan, Recording, Span, end};

impl<O> Span<O> {
    /// Wraps a future that returns a stream, together with that stream, in one span from the request to the last token. The
    /// time to the first chunk is measured from the first poll of the future.
    ///
    /// The future must return a `Result` of the stream, and the items of the stream must be `Result`s. If only the future can
    /// fail, use [`open_infallible`](Self::open_infallible).
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::prelude::*;
    /// use futures::{stream, Stream, TryStreamExt as _};
    ///
    /// # type Error = std::io::Error;
    /// async fn create_stream(_prompt: &str) -> Result<impl Stream<Item = Result<String, Error>>, Error> {
    ///     Ok(stream::iter([Ok("Hel".into()), Ok("lo".into())]))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let tokens = Span::stream().model("gpt-5").open(create_stream("Say hello")).await?;
    /// let text: String = tokens.try_collect().await?;
    /// assert_eq!(text, "Hello");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The future and the items may have different error types, as long as both implement `Display`. To classify both with
    /// one [`error_type`](Self::error_type), convert them to a common type:
    ///
    /// ```
    /// use allm_telemetry::prelude::*;
    /// use futures::{stream, Stream, TryFutureExt as _, TryStreamExt as _};
    ///
    /// #[derive(Debug)]
    /// enum Failed {
    ///     Connect(std::io::Error),
    ///     Decode(std::fmt::Error),
    /// }
    /// # impl std::fmt::Display for Failed {
    /// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    /// #         match self { Self::Connect(error) => error.fmt(f), Self::Decode(error) => error.fmt(f) }
    /// #     }
    /// # }
    ///
    /// async fn create_stream() -> Result<impl Stream<Item = Result<String, std::fmt::Error>>, std::io::Error> {
    ///     Ok(stream::iter([Ok("Hello".into())]))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Failed> {
    /// let opening = create_stream().map_err(Failed::Connect).map_ok(|tokens| tokens.map_err(Failed::Decode));
    /// let tokens = Span::stream().error_type(|failed: &Failed| match failed {
    ///     Failed::Connect(_) => "connect",
    ///     Failed::Decode(_) => "decode",
    /// });
    /// let text: String = tokens.open(opening).await?.try_collect().await?;
    /// assert_eq!(text, "Hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn open<F, St>(self, future: F) -> OpenStream<F, Fallible<O>>
    where
        F: Future,
        // `AsResult`, and not `Output = Result<St, _>`, so that the compiler's message suggests `open_infallible`.
        F::Output: AsResult<Ok = St>,
        St: Stream,
        St::Item: AsResult,
        O: Classify<<F::Output as AsResult>::Err>,
        O: Classify<<St::Item as AsResult>::Err>,
        O: Observe<<St::Item as AsResult>::Ok>,
    {
        OpenStream::new(future, self.pending, Fallible(self.observer))
    }

    /// Wraps a future that returns a stream of any items, as [`open`](Self::open) does. The future returns the stream, or a
    /// `Result` of the stream. If it returns an `Err`, the outcome of the span is `error`.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::prelude::*;
    /// use futures::{stream, Stream, StreamExt as _};
    ///
    /// async fn create_stream() -> Result<impl Stream<Item = &'static str>, std::io::Error> {
    ///     Ok(stream::iter(["Hel", "lo"]))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), std::io::Error> {
    /// let tokens = Span::stream().model("gpt-5").open_infallible(create_stream()).await?;
    /// assert_eq!(tokens.collect::<String>().await, "Hello");
    /// # Ok(())
    /// # }
    /// ```
    // `P` is inferred from the output of the future: `Infallible` or `InfallibleItems`.
    pub fn open_infallible<F, P>(self, future: F) -> OpenStream<F, P>
    where
        F: Future,
        F::Output: OpenedInfallible<O, P>,
        P: Opens<F::Output>,
    {
        OpenStream::new(future, self.pending, F::Output::wrap(self.observer))
    }
}

/// A future wrapped in a span, which is transferred to the stream that it returns. Returned by [`Span::open`] and
/// [`Span::open_infallible`].
///
/// `O` is the span's observer, in a wrapper that determines what is an error.
///
/// # Panics
///
/// Panics if polled after completion.
///
/// # Cancel safety
///
/// Cancel safe if the inner future is cancel safe. If it is dropped after its first poll and before its completion, the span
/// ends as `cancelled`.
#[pin_project(PinnedDrop)]
#[must_use = "futures do nothing unless polled"]
pub struct OpenStream<F, O: Observer> {
    /// `None` after completion. An `Option`, so that it can be dropped inside the span.
    #[pin]
    inner: Option<F>,
    lifecycle: Lifecycle,
    /// `None` after it was moved to the stream.
    observer: Option<O>,
}

impl<F, O: Observer> OpenStream<F, O> {
    fn new(inner: F, pending: PendingSpan, observer: O) -> Self {
        Self { inner: Some(inner), lifecycle: Lifecycle::Pending(pending), observer: Some(observer) }
    }

    /// Returns a reference to the inner future, or `None` after completion.
    #[must_use]
    pub fn get_ref(&self) -> Option<&F> {
        self.inner.as_ref()
    }

    /// Returns a mutable reference to the inner future, or `None` after completion.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut F> {
        self.inner.as_mut()
    }

    /// Returns a pinned reference to the inner future, or `None` after completion.
    #[must_use]
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Option<Pin<&mut F>> {
        self.project().inner.as_pin_mut()
    }

    /// Returns the inner future, or `None` after completion. A span that has started ends as `cancelled`.
    #[must_use]
    pub fn into_inner(mut self) -> Option<F> {
        self.inner.take()
    }
}

impl<F: Future, O: Opens<F::Output>> Future for OpenStream<F, O> {
    type Output = O::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<O::Output> {
        let this = self.project();
        let Some(observer) = this.observer else { panic!("`OpenStream` polled after completion") };
        this.lifecycle.start(observer, |active| Box::new(Recording::of_opening(active.start())));
        let poll = |inner: Pin<&mut F>| inner.poll(cx).map(O::split);
        let mut dropped = Ok(());
        let opened = match this.lifecycle {
            Lifecycle::Observed(Observed { active, recording }) => {
                let recording = recording.get_or_insert_default();
                active.enter(|node| {
                    // The drop of the future is not measured as waiting.
                    let before_drop = || recording.end_wait(node);
                    let mut opened = Ok(Poll::Pending);
                    poll_observed(node, this.inner, poll, before_drop, &mut opened, &mut dropped);
                    let exit = match &opened {
                        Ok(Poll::Pending | Poll::Ready(Ok(_))) => None,
                        Ok(Poll::Ready(Err(error))) => {
                            recording.record(node, |record| observer.record_err(error, record));
                            // The recorded failure makes the outcome `error`.
                            Some(Exit::Completed)
                        }
                        Err(caught) => Some(Exit::panicked(node, caught)),
                    };
                    if let Some(exit) = exit {
                        end(node, recording, exit, observer, None);
                    }
                    opened
                })
            }
            Lifecycle::Unobserved(context) => Ok(poll_unobserved(context, this.inner, poll)),
            Lifecycle::Pending(_) | Lifecycle::Ended => {
                unreachable!("the span was started above, and ends together with the observer")
            }
        };
        let opened = match opened {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(opened)) => Ok(opened),
            Err(caught) => Err(caught),
        };
        // The span is transferred to the stream. After an `Err` or a panic it has ended; dropping it emits nothing.
        let (lifecycle, observer) = (this.lifecycle.take(), this.observer.take());
        let output = opened.map(|opened| {
            let observer = observer.expect("checked at the beginning of `poll`");
            O::join(opened.map(|stream| SpanStream::from_started(stream, lifecycle, observer.into_items())))
        });
        Poll::Ready(resume(output, dropped))
    }
}

#[pinned_drop]
impl<F, O: Observer> PinnedDrop for OpenStream<F, O> {
    fn drop(self: Pin<&mut Self>) {
        let this = self.project();
        // Without an observer, the span was transferred to the stream.
        if let Some(observer) = this.observer {
            drop_early(this.inner, this.lifecycle, observer, Exit::Cancelled);
        }
    }
}

impl<F, O: Observer> fmt::Debug for OpenStream<F, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStream").field("done", &self.inner.is_none()).finish_non_exhaustive()
    }
}
