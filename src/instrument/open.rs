use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::thread;

use futures::Stream;
use pin_project::{pin_project, pinned_drop};

use super::life::{Life, Stage, carry, poll_carried, poll_fenced};
use super::stream::{SpanStream, State};
use crate::context::{Context, enter};
use crate::registry::catch;
use crate::span::{
    Classify, Ending, Fallible, Fault, Input, Judge, Live, OnChunk, OnStop, Plain, Span, Trying,
};

impl<S, C, K, I> Span<S, C, K, I> {
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
    /// The opening can fail and the items cannot: make each item an `Ok`.
    ///
    /// ```
    /// use std::convert::Infallible;
    ///
    /// use allm_telemetry::prelude::*;
    /// use futures::{stream, Stream, StreamExt as _, TryFutureExt as _};
    ///
    /// async fn create_stream() -> Result<impl Stream<Item = &'static str>, std::io::Error> {
    ///     Ok(stream::iter(["Hel", "lo"]))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), std::io::Error> {
    /// let opening = create_stream().map_ok(|tokens| tokens.map(Ok::<_, Infallible>));
    /// let tokens = Span::stream().model("gpt-5").open(opening).await?;
    /// let text: String = tokens.map(|Ok(token)| token).collect().await;
    /// assert_eq!(text, "Hello");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The opening fails with one error and the items with another. Both have `Display`, and that is enough until one
    /// [`error_type`](Self::error_type) is to classify both: turn one into the other.
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
    pub fn open<F, St>(self, future: F) -> Opening<F, Trying<K>, S, C, I>
    where
        F: Future,
        // And not `Result<St, _>`, so that the compiler's message names the plain form.
        F::Output: Fallible<Ok = St>,
        St: Stream,
        St::Item: Fallible,
        K: Classify<<F::Output as Fallible>::Err> + Classify<<St::Item as Fallible>::Err>,
        S: OnStop<()>,
        C: OnChunk<<St::Item as Fallible>::Ok>,
        I: Input,
    {
        let Self { unsettled, on_stop, on_chunk, classify, input } = self;
        Opening::new(
            future,
            Life::new(unsettled),
            input,
            Parts { judge: Trying(classify), on_stop, on_chunk },
        )
    }

    /// [`open`](Self::open) for a future that returns a stream and cannot fail, and a stream whose items cannot fail.
    pub fn open_infallible<F>(self, future: F) -> Opening<F, Plain, S, C, I>
    where
        F: Future,
        F::Output: Stream,
        S: OnStop<()>,
        C: OnChunk<<F::Output as Stream>::Item>,
        I: Input,
    {
        let Self { unsettled, on_stop, on_chunk, input, .. } = self;
        Opening::new(future, Life::new(unsettled), input, Parts { judge: Plain, on_stop, on_chunk })
    }
}

/// A future that wears a span and gives it to the stream it returns. Made by [`Span::open`] and [`Span::open_infallible`].
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
pub struct Opening<F, J, S, C, I> {
    #[pin]
    inner: Option<F>,
    life: Life<Box<Live>>,
    input: Option<I>,
    parts: Option<Parts<J, S, C>>,
}

/// What the stream gets.
struct Parts<J, S, C> {
    judge: J,
    on_stop: S,
    on_chunk: C,
}

/// Tells the stream in an output from a failure to open one: [`Plain`] or [`Trying`].
pub trait Opens<O>: Sized {
    /// The stream.
    type Stream: Stream;
    /// The failure.
    type Failed;
    /// The output with another stream in it.
    type Output<W>;
    /// Which of both it is.
    #[doc(hidden)]
    fn sort(output: O) -> Result<Self::Stream, Self::Failed>;
    /// What is told of a failure.
    #[doc(hidden)]
    fn describe_failed(&self, failed: &Self::Failed, with_text: bool) -> Fault;
    /// The output of success.
    #[doc(hidden)]
    fn opened<W>(stream: W) -> Self::Output<W>;
    /// The output of a failure.
    #[doc(hidden)]
    fn failed<W>(failed: Self::Failed) -> Self::Output<W>;
}

impl<St: Stream> Opens<St> for Plain {
    type Stream = St;
    type Failed = Infallible;
    type Output<W> = W;

    fn sort(output: St) -> Result<St, Infallible> {
        Ok(output)
    }

    fn describe_failed(&self, failed: &Infallible, _: bool) -> Fault {
        match *failed {}
    }

    fn opened<W>(stream: W) -> W {
        stream
    }

    fn failed<W>(failed: Infallible) -> W {
        match failed {}
    }
}

impl<St: Stream, E, K: Classify<E>> Opens<Result<St, E>> for Trying<K> {
    type Stream = St;
    type Failed = E;
    type Output<W> = Result<W, E>;

    fn sort(output: Result<St, E>) -> Result<St, E> {
        output
    }

    fn describe_failed(&self, failed: &E, with_text: bool) -> Fault {
        self.0.describe(failed, with_text)
    }

    fn opened<W>(stream: W) -> Result<W, E> {
        Ok(stream)
    }

    fn failed<W>(failed: E) -> Result<W, E> {
        Err(failed)
    }
}

impl<F, J, S, C, I> Opening<F, J, S, C, I> {
    fn new(inner: F, life: Life<Box<Live>>, input: I, parts: Parts<J, S, C>) -> Self {
        Self { inner: Some(inner), life, input: Some(input), parts: Some(parts) }
    }
}

impl<F, J, S, C, I, St> Future for Opening<F, J, S, C, I>
where
    F: Future,
    J: Opens<F::Output, Stream = St> + Judge<St::Item>,
    St: Stream,
    S: OnStop<()>,
    C: OnChunk<J::Good>,
    I: Input,
{
    type Output = J::Output<SpanStream<St, J, S, C>>;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.life.settle(this.input, |active| Box::new(Live::new(active).waiting_from_start()));
        let (polled, dropped) = match &mut this.life.stage {
            Stage::Unobserved => (Ok(poll_carried(&mut this.life.unsettled.context, this.inner, cx)), Ok(())),
            Stage::Observed(live) => live.active.enter(|| poll_fenced(this.inner, cx)),
            Stage::Built | Stage::Done => panic!("an opening stream was polled after it was ready"),
        };
        let output = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => output,
            Err(caught) => {
                if let Stage::Observed(live) = this.life.take() {
                    live.panicked(&caught);
                }
                if let Err(second) = dropped {
                    second.swallow();
                }
                caught.resume()
            }
        };
        let parts = this.parts.take().expect("an opening stream has its parts until it is ready");
        let output = {
            let context = std::mem::take(&mut this.life.unsettled.context);
            hand_over::<_, J, S, C>(output, this.life.take(), context, parts)
        };
        if let Err(caught) = dropped {
            caught.resume();
        }
        Poll::Ready(output)
    }
}

/// Gives the span to the stream, or ends it if there is none.
fn hand_over<O, J, S, C>(
    output: O,
    life: Stage<Box<Live>>,
    context: Context,
    parts: Parts<J, S, C>,
) -> J::Output<SpanStream<J::Stream, J, S, C>>
where
    J: Opens<O>,
    S: OnStop<()>,
{
    let Parts { judge, on_stop, on_chunk } = parts;
    match (J::sort(output), life) {
        (Ok(stream), life) => {
            let state = match life {
                Stage::Unobserved => State::Unobserved(context),
                Stage::Observed(mut live) => {
                    live.came();
                    State::Observed(live)
                }
                Stage::Built | Stage::Done => State::Done,
            };
            J::opened(SpanStream::new(stream, state, judge, Some(on_stop), on_chunk))
        }
        (Err(failed), life) => {
            if let Stage::Observed(mut live) = life {
                live.error(|with_text| judge.describe_failed(&failed, with_text));
                let ending = Ending::of(live.take_fault());
                live.finish(ending, None);
            }
            J::failed(failed)
        }
    }
}

#[pinned_drop]
impl<F, J, S, C, I> PinnedDrop for Opening<F, J, S, C, I> {
    fn drop(self: Pin<&mut Self>) {
        let mut this = self.project();
        match this.life.take() {
            Stage::Built => enter(&mut this.life.unsettled.context, || this.inner.set(None)),
            Stage::Unobserved => carry(&mut this.life.unsettled.context, || this.inner.set(None)),
            Stage::Observed(mut live) => {
                live.came();
                let dropped = live.active.enter(|| catch(|| this.inner.set(None)));
                live.finish(Ending::cancelled(), None);
                match dropped {
                    // A second panic while the thread unwinds would abort the process.
                    Err(caught) if thread::panicking() => caught.swallow(),
                    Err(caught) => caught.resume(),
                    Ok(()) => {}
                }
            }
            Stage::Done => {}
        }
    }
}

impl<F, J, S, C, I> fmt::Debug for Opening<F, J, S, C, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("done", &self.inner.is_none()).finish_non_exhaustive()
    }
}
