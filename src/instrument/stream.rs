use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures::Stream;
use futures::stream::FusedStream;
use pin_project::{pin_project, pinned_drop};

use super::inner::{drop_early, resume};
use crate::registry::catch;
use crate::span::observe::{Observer, Outcomes};
use crate::span::{Exit, Lifecycle, Observed, PendingSpan, Recording, end};

/// A stream wrapped in a span. Returned by [`in_span`](crate::StreamSpanExt::in_span),
/// [`in_span_infallible`](crate::StreamSpanExt::in_span_infallible) and [`open`](crate::Span::open).
///
/// The span starts when the stream is wrapped (with `open`, when the future is first polled) and ends when the stream returns
/// `None`, panics or is dropped. The items, the size hint and the wake-ups of the inner stream are unchanged. The inner
/// stream is never polled ahead, buffered or drained, and it is dropped inside the span. The wrapper is fused: after `None`
/// it always returns `None`.
///
/// `O` is the span's observer, wrapped in [`Fallible`](crate::observe::Fallible) or [`Infallible`](crate::observe::Infallible).
///
/// # Cancel safety
///
/// `next()` is cancel safe if that of the inner stream is. If the stream is dropped before its end, the outcome of the span
/// is `dropped`, or `error` if an item was an error, or `completed` if the observer recorded that the answer is
/// [finished](crate::Record::finished).
#[pin_project(PinnedDrop)]
#[must_use = "the span has started; a stream that is dropped before its end ends it as `dropped`"]
pub struct SpanStream<St, O: Observer> {
    /// `None` after the end. An `Option`, so that it can be dropped inside the span.
    #[pin]
    inner: Option<St>,
    lifecycle: Lifecycle,
    observer: O,
}

impl<St, O: Observer> SpanStream<St, O> {
    /// Wraps a stream and starts the span.
    #[inline]
    pub(super) fn new(inner: St, pending: PendingSpan, mut observer: O) -> Self {
        let mut lifecycle = Lifecycle::Pending(pending);
        lifecycle.start(&mut observer, |_| Box::new(Recording::of_stream()));
        Self::from_started(inner, lifecycle, observer)
    }

    /// Wraps a stream in a span that has started.
    #[inline]
    pub(super) fn from_started(inner: St, lifecycle: Lifecycle, observer: O) -> Self {
        Self { inner: Some(inner), lifecycle, observer }
    }

    /// Returns a reference to the inner stream, or `None` after its end.
    #[must_use]
    pub fn get_ref(&self) -> Option<&St> {
        self.inner.as_ref()
    }

    /// Returns a mutable reference to the inner stream, or `None` after its end.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut St> {
        self.inner.as_mut()
    }

    /// Returns a pinned reference to the inner stream, or `None` after its end.
    #[must_use]
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Option<Pin<&mut St>> {
        self.project().inner.as_pin_mut()
    }

    /// Returns the inner stream, or `None` after its end. The outcome of the span is `dropped`, or `error` if an item was an
    /// error, or `completed` if the observer recorded that the answer is [finished](crate::Record::finished).
    #[must_use]
    pub fn into_inner(mut self) -> Option<St> {
        self.inner.take()
    }
}

impl<St: Stream, O: Outcomes<St::Item>> Stream for SpanStream<St, O> {
    type Item = St::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<St::Item>> {
        let mut this = self.project();
        let observed = match this.lifecycle {
            Lifecycle::Observed(observed) => observed,
            Lifecycle::Unobserved(context) => {
                return context.enter_poll(|| {
                    let polled = poll_inner(this.inner.as_mut(), cx);
                    if let Poll::Ready(None) = polled {
                        this.inner.set(None);
                    }
                    polled
                });
            }
            Lifecycle::Pending(_) | Lifecycle::Ended => return Poll::Ready(None),
        };
        let Observed { active, recording } = observed;
        let recording = recording.get_or_insert_default();
        // The panics of the last poll and of the drop. They are resumed after the span has ended.
        let mut poll_panic = Ok(());
        let mut dropped = Ok(());
        let polled = active.enter(|node| {
            let exit = match node.around(|| catch(|| poll_inner(this.inner.as_mut(), cx))) {
                Ok(Poll::Ready(Some(item))) => {
                    recording.item(node, &item, this.observer);
                    return Poll::Ready(Some(item));
                }
                Ok(Poll::Pending) => {
                    recording.begin_wait(node);
                    return Poll::Pending;
                }
                Ok(Poll::Ready(None)) => Exit::Completed,
                Err(caught) => {
                    let exit = Exit::panicked(node, &caught);
                    poll_panic = Err(caught);
                    exit
                }
            };
            // The drop is not part of the wait, but runs inside the listeners too.
            recording.end_wait(node);
            dropped = node.around(|| catch(|| this.inner.set(None)));
            end(node, recording, exit, this.observer, None);
            Poll::Ready(None)
        });
        // Also after a panic, in which case `resume` does not return.
        if let Poll::Ready(None) = polled {
            *this.lifecycle = Lifecycle::Ended;
            resume(poll_panic, dropped);
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

/// Polls the inner stream. Returns `None` if it was dropped.
#[inline]
fn poll_inner<St: Stream>(inner: Pin<&mut Option<St>>, cx: &mut TaskContext<'_>) -> Poll<Option<St::Item>> {
    inner.as_pin_mut().map_or(Poll::Ready(None), |inner| inner.poll_next(cx))
}

impl<St: Stream, O: Outcomes<St::Item>> FusedStream for SpanStream<St, O> {
    fn is_terminated(&self) -> bool {
        self.inner.is_none()
    }
}

#[pinned_drop]
impl<St, O: Observer> PinnedDrop for SpanStream<St, O> {
    #[inline]
    fn drop(self: Pin<&mut Self>) {
        let this = self.project();
        drop_early(this.inner, this.lifecycle, this.observer, Exit::Dropped);
    }
}

impl<St, O: Observer> fmt::Debug for SpanStream<St, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanStream").field("done", &self.inner.is_none()).finish_non_exhaustive()
    }
}
