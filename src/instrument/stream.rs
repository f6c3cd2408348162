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

/// A stream with a span. Returned by [`in_span`](crate::StreamSpanExt::in_span),
/// [`in_span_infallible`](crate::StreamSpanExt::in_span_infallible) and [`open`](crate::Span::open).
///
/// The span starts when the stream is wrapped and ends when it returns `None`, panics or is dropped. Items, size hint
/// and wake-ups of the inner stream are unchanged; it is never polled ahead, buffered or drained, and it is dropped
/// inside the span. After `None` it stays `None`.
///
/// `O` is the span's observer, in [`Fallible`](crate::observe::Fallible) or [`Infallible`](crate::observe::Infallible).
///
/// # Cancel safety
///
/// `next()` is cancel safe if it is for the inner stream. Dropped before its end, the stream ends the span as `dropped`,
/// or as `error` if an item was one.
#[pin_project(PinnedDrop)]
#[must_use = "streams do nothing unless polled"]
pub struct SpanStream<St, O: Observer> {
    /// `None` once it has ended. An `Option`, so that it can be dropped inside the span.
    #[pin]
    inner: Option<St>,
    lifecycle: Lifecycle,
    observer: O,
}

impl<St, O: Observer> SpanStream<St, O> {
    /// Starts the span.
    #[inline]
    pub(super) fn new(inner: St, pending: PendingSpan, mut observer: O) -> Self {
        let mut lifecycle = Lifecycle::Pending(pending);
        lifecycle.start(&mut observer, |_| Some(Box::new(Recording::of_stream())));
        Self::started(inner, lifecycle, observer)
    }

    /// Takes over a span that has started.
    #[inline]
    pub(super) fn started(inner: St, lifecycle: Lifecycle, observer: O) -> Self {
        Self { inner: Some(inner), lifecycle, observer }
    }

    /// The stream inside, until it has ended.
    #[must_use]
    pub fn get_ref(&self) -> Option<&St> {
        self.inner.as_ref()
    }

    /// The stream inside, until it has ended.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut St> {
        self.inner.as_mut()
    }

    /// The stream inside, until it has ended.
    #[must_use]
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Option<Pin<&mut St>> {
        self.project().inner.as_pin_mut()
    }

    /// Takes the stream out of its span, until it has ended. The span ends as `dropped`, or as `error` if an item was one.
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
        // Of the last poll the panic, and that of the drop; both continue after the span has ended.
        let mut last = Ok(());
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
                    last = Err(caught);
                    exit
                }
            };
            recording.end_wait(node);
            dropped = node.around(|| catch(|| this.inner.set(None)));
            end(node, recording, exit, this.observer, None);
            Poll::Ready(None)
        });
        if let Poll::Ready(None) = polled {
            *this.lifecycle = Lifecycle::Ended;
            resume(last, dropped);
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

/// Polls a stream that is dropped once it has ended.
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
