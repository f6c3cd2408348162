use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures::Stream;
use pin_project::{pin_project, pinned_drop};

use super::inner::{drop_early, poll_carried, poll_observed, resume};
use super::opens::{OpenedInfallible, Opens};
use super::stream::SpanStream;
use crate::span::observe::{AsResult, Classify, Fallible, Observe, Observer};
use crate::span::{Exit, Lifecycle, Observed, PendingSpan, Recording, Span, end};

impl<O> Span<O> {
    /// Wraps a future that returns a stream, and the stream: one span from the request to the last token, so that the
    /// time to the first chunk counts from the request. The future gives `Result<Stream, _>` and the stream `Result`s.
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
    /// The opening can fail and the items cannot: see [`open_infallible`](Self::open_infallible).
    ///
    /// The opening fails with one error and the items with another. Both have `Display`, and that is enough until one
    /// [`error_type`](Self::error_type) is to classify both: then convert one into the other.
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
        // And not `Result<St, _>`, so that the compiler's message names the infallible form.
        F::Output: AsResult<Ok = St>,
        St: Stream,
        St::Item: AsResult,
        O: Classify<<F::Output as AsResult>::Err>,
        O: Classify<<St::Item as AsResult>::Err>,
        O: Observe<<St::Item as AsResult>::Ok>,
    {
        OpenStream::new(future, self.pending, Fallible(self.observer))
    }

    /// [`open`](Self::open) for a stream whose items cannot fail. The future returns the stream, or a `Result` of it: then
    /// its `Err` ends the span as an error.
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
    pub fn open_infallible<F, P>(self, future: F) -> OpenStream<F, P>
    where
        F: Future,
        F::Output: OpenedInfallible<O, P>,
        P: Opens<F::Output>,
    {
        OpenStream::new(future, self.pending, F::Output::wrap(self.observer))
    }
}

/// A future with a span that it hands to the stream it returns. Returned by [`Span::open`] and [`Span::open_infallible`].
///
/// `O` is the span's observer, in the form that decides what is an error.
///
/// # Panics
///
/// When polled after it was ready.
///
/// # Cancel safety
///
/// As cancel safe as what it wraps. Dropped between its first poll and its end, it ends the span as `cancelled`.
#[pin_project(PinnedDrop)]
#[must_use = "futures do nothing unless polled"]
pub struct OpenStream<F, O: Observer> {
    /// `None` once it is ready. An `Option`, so that it can be dropped inside the span.
    #[pin]
    inner: Option<F>,
    lifecycle: Lifecycle,
    /// `None` once the stream has it.
    observer: Option<O>,
}

impl<F, O: Observer> OpenStream<F, O> {
    fn new(inner: F, pending: PendingSpan, observer: O) -> Self {
        Self { inner: Some(inner), lifecycle: Lifecycle::Pending(pending), observer: Some(observer) }
    }

    /// The future inside, until it is ready.
    #[must_use]
    pub fn get_ref(&self) -> Option<&F> {
        self.inner.as_ref()
    }

    /// The future inside, until it is ready.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut F> {
        self.inner.as_mut()
    }

    /// The future inside, until it is ready.
    #[must_use]
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Option<Pin<&mut F>> {
        self.project().inner.as_pin_mut()
    }

    /// Takes the future out of its span, until it is ready. A span that has started ends as `cancelled`.
    #[must_use]
    pub fn into_inner(mut self) -> Option<F> {
        self.inner.take()
    }
}

impl<F: Future, O: Opens<F::Output>> Future for OpenStream<F, O> {
    type Output = O::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<O::Output> {
        let this = self.project();
        let Some(observer) = this.observer else { panic!("an opening stream was polled after it was ready") };
        this.lifecycle.start(observer, |active| Some(Box::new(Recording::of_opening(active.start()))));
        let poll = |inner: Pin<&mut F>| inner.poll(cx).map(O::split);
        let (opened, dropped) = match this.lifecycle {
            Lifecycle::Observed(Observed { active, recording }) => {
                let recording = recording.get_or_insert_default();
                active.enter(|node| {
                    let (opened, dropped) = poll_observed(node, this.inner, poll);
                    let exit = match &opened {
                        Ok(Poll::Pending) => None,
                        Ok(Poll::Ready(Ok(_))) => {
                            recording.end_wait(node);
                            None
                        }
                        Ok(Poll::Ready(Err(error))) => {
                            recording.end_wait(node);
                            recording.see(node, |record| observer.record_err(error, record));
                            Some(Exit::Completed)
                        }
                        Err(caught) => Some(Exit::panicked(node, caught)),
                    };
                    if let Some(exit) = exit {
                        end(node, recording, exit, observer, None);
                    }
                    (opened, dropped)
                })
            }
            Lifecycle::Unobserved(context) => (Ok(poll_carried(context, this.inner, poll)), Ok(())),
            Lifecycle::Pending(_) | Lifecycle::Ended => unreachable!("an observer is there until the end"),
        };
        let opened = match opened {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(opened)) => Ok(opened),
            Err(caught) => Err(caught),
        };
        // A failed opening has ended its span; otherwise the stream goes on with it.
        let (lifecycle, observer) = (this.lifecycle.take(), this.observer.take());
        let output = opened.map(|opened| {
            let observer = observer.expect("it was there above");
            O::join(opened.map(|stream| SpanStream::started(stream, lifecycle, observer.into_items())))
        });
        Poll::Ready(resume(output, dropped))
    }
}

#[pinned_drop]
impl<F, O: Observer> PinnedDrop for OpenStream<F, O> {
    fn drop(self: Pin<&mut Self>) {
        let this = self.project();
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
