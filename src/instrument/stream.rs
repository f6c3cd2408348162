use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::thread;

use futures::Stream;
use futures::stream::FusedStream;
use pin_project::{pin_project, pinned_drop};

use super::life::carry;
use crate::context::{Context, around, enter_bare};
use crate::registry::{Caught, catch};
use crate::span::{Judge, Live, OnChunk, OnStop};

/// A stream that wears a span. Made by [`in_span`](crate::StreamSpanExt::in_span),
/// [`in_span_infallible`](crate::StreamSpanExt::in_span_infallible) and [`open`](crate::Span::open).
///
/// The span starts when the stream is wrapped and ends when it returns `None`, is dropped or panics. Items, size hint
/// and wake-ups of the inner stream are unchanged; it is never polled ahead, buffered or drained, and it is dropped
/// inside the span. After `None` it stays `None`.
///
/// # Cancel safety
///
/// `next()` is cancel safe if it is for the inner stream. Dropped before its end, the stream ends the span as `dropped`,
/// or as `error` if an item was one.
#[pin_project(PinnedDrop)]
#[must_use = "streams do nothing unless polled"]
pub struct SpanStream<St, J, S: OnStop<()>, C> {
    #[pin]
    inner: Option<St>,
    state: State,
    judge: J,
    on_stop: Option<S>,
    on_chunk: C,
}

#[derive(Debug)]
pub(super) enum State {
    /// Nobody observes the span. It carries its context and is silent to its end.
    Unobserved(Context),
    /// Started, and bound to end once.
    Observed(Box<Live>),
    /// Ended.
    Done,
}

impl<St, J, S: OnStop<()>, C> SpanStream<St, J, S, C> {
    #[inline]
    pub(super) fn new(inner: St, state: State, judge: J, on_stop: Option<S>, on_chunk: C) -> Self {
        Self { inner: Some(inner), state, judge, on_stop, on_chunk }
    }
}

impl State {
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Done)
    }
}

impl<St, J, S, C> Stream for SpanStream<St, J, S, C>
where
    St: Stream,
    J: Judge<St::Item>,
    S: OnStop<()>,
    C: OnChunk<J::Good>,
{
    type Item = St::Item;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.as_mut().project();
        let State::Unobserved(context) = this.state else { return self.poll_observed(cx) };
        let Some(_entered) = enter_bare(context) else { return self.poll_carried(cx) };
        let polled = poll_inner(this.inner.as_mut(), cx);
        if let Poll::Ready(None) = polled {
            this.inner.set(None);
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<St, J, S, C> SpanStream<St, J, S, C>
where
    St: Stream,
    J: Judge<St::Item>,
    S: OnStop<()>,
    C: OnChunk<J::Good>,
{
    /// An unobserved stream inside an observed span, or in a scope.
    #[inline(never)]
    fn poll_carried(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<St::Item>> {
        let mut this = self.project();
        let State::Unobserved(context) = this.state else { return Poll::Ready(None) };
        carry(context, || {
            let polled = poll_inner(this.inner.as_mut(), cx);
            if let Poll::Ready(None) = polled {
                this.inner.set(None);
            }
            polled
        })
    }

    /// A function of its own, so that a token that nobody observes does not pay for this one's frame.
    #[inline(never)]
    fn poll_observed(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<St::Item>> {
        let this = self.as_mut().project();
        let State::Observed(live) = this.state else { return Poll::Ready(None) };
        let Live { active, sight } = &mut **live;
        let (node, inside) = active.inside();
        let ended = match around(node, || catch(|| poll_inner(this.inner, cx))) {
            Ok(Poll::Ready(Some(item))) => {
                match this.judge.judge(&item) {
                    Ok(chunk) => sight.chunk(node, chunk, this.on_chunk),
                    Err(bad) => sight.error(node, |with_text| this.judge.describe(bad, with_text)),
                }
                return Poll::Ready(Some(item));
            }
            Ok(Poll::Pending) => {
                sight.pending(node);
                return Poll::Pending;
            }
            Ok(Poll::Ready(None)) => Ok(()),
            Err(caught) => Err(caught),
        };
        drop(inside);
        self.end(ended);
        Poll::Ready(None)
    }

    /// Ends the span of a stream that has ended or panicked. What it wraps is dropped first: its children end before.
    #[inline(never)]
    fn end(self: Pin<&mut Self>, ended: Result<(), Caught>) {
        let mut this = self.project();
        let State::Observed(mut live) = this.state.take() else { return };
        live.came();
        let dropped = live.active.enter(|| catch(|| this.inner.set(None)));
        match ended {
            Ok(()) => {
                live.stop(false, this.on_stop.take());
                if let Err(caught) = dropped {
                    caught.resume();
                }
            }
            Err(caught) => {
                if let Err(second) = dropped {
                    second.swallow();
                }
                live.panicked(&caught);
                caught.resume();
            }
        }
    }
}

/// Polls a stream that is dropped once it has ended.
#[inline]
fn poll_inner<St: Stream>(inner: Pin<&mut Option<St>>, cx: &mut TaskContext<'_>) -> Poll<Option<St::Item>> {
    inner.as_pin_mut().map_or(Poll::Ready(None), |inner| inner.poll_next(cx))
}

impl<St, J, S: OnStop<()>, C> FusedStream for SpanStream<St, J, S, C>
where
    Self: Stream,
{
    fn is_terminated(&self) -> bool {
        self.inner.is_none()
    }
}

#[pinned_drop]
impl<St, J, S: OnStop<()>, C> PinnedDrop for SpanStream<St, J, S, C> {
    #[inline]
    fn drop(self: Pin<&mut Self>) {
        if self.inner.is_some() {
            self.leave();
        }
    }
}

impl<St, J, S: OnStop<()>, C> SpanStream<St, J, S, C> {
    /// Dropped before it has ended.
    #[inline(never)]
    fn leave(self: Pin<&mut Self>) {
        let mut this = self.project();
        match this.state.take() {
            State::Unobserved(mut context) => carry(&mut context, || this.inner.set(None)),
            State::Observed(mut live) => {
                live.came();
                let dropped = live.active.enter(|| catch(|| this.inner.set(None)));
                live.stop(true, this.on_stop.take());
                match dropped {
                    // A second panic while the thread unwinds would abort the process.
                    Err(caught) if thread::panicking() => caught.swallow(),
                    Err(caught) => caught.resume(),
                    Ok(()) => {}
                }
            }
            State::Done => {}
        }
    }
}

impl<St, J, S: OnStop<()>, C> fmt::Debug for SpanStream<St, J, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanStream").field("done", &self.inner.is_none()).finish_non_exhaustive()
    }
}
