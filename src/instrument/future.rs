use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use pin_project::{pin_project, pinned_drop};

use super::inner::{drop_early, poll_observed, poll_unobserved, resume};
use crate::span::observe::{Observer, Outcomes};
use crate::span::{Exit, Lifecycle, PendingSpan, Recording, emit_start, end};

/// A future wrapped in a span. Returned by [`in_span`](crate::FutureSpanExt::in_span) and
/// [`in_span_infallible`](crate::FutureSpanExt::in_span_infallible).
///
/// The span starts at the first poll and ends when the future completes, panics or is dropped. A future that is dropped
/// before its first poll emits no events. The output, the wake-ups and the panics of the inner future are unchanged. The
/// inner future is dropped inside the span as soon as it completes.
///
/// `O` is the span's observer, wrapped in [`Fallible`](crate::observe::Fallible) or [`Infallible`](crate::observe::Infallible).
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
pub struct SpanFuture<F, O: Observer> {
    /// `None` after completion. An `Option`, so that it can be dropped inside the span.
    #[pin]
    inner: Option<F>,
    lifecycle: Lifecycle,
    observer: O,
}

impl<F, O: Observer> SpanFuture<F, O> {
    #[inline]
    pub(super) fn new(inner: F, pending: PendingSpan, observer: O) -> Self {
        Self { inner: Some(inner), lifecycle: Lifecycle::Pending(pending), observer }
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
        // `Drop` ends the span.
        self.inner.take()
    }
}

impl<F: Future, O: Outcomes<F::Output>> Future for SpanFuture<F, O> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let must_emit_start = this.lifecycle.start_silently(this.observer);
        let poll = |inner: Pin<&mut F>| inner.poll(cx);
        let active = match this.lifecycle {
            Lifecycle::Observed(observed) => &mut observed.active,
            Lifecycle::Unobserved(context) => return poll_unobserved(context, this.inner, poll),
            Lifecycle::Pending(_) | Lifecycle::Ended => {
                panic!("`SpanFuture` polled after completion")
            }
        };
        let mut polled = Ok(Poll::Pending);
        let mut dropped = Ok(());
        active.enter(|node| {
            if must_emit_start {
                emit_start(node);
            }
            poll_observed(node, this.inner, poll, || {}, &mut polled, &mut dropped);
            match &polled {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(output)) => {
                    let mut recording = Recording::default();
                    let response = recording.output(node, output, this.observer);
                    end(node, &mut recording, Exit::Completed, this.observer, response);
                }
                Err(caught) => {
                    end(node, &mut Recording::default(), Exit::panicked(node, caught), this.observer, None);
                }
            }
        });
        // Only now, because `active` is borrowed from it until here.
        if !matches!(polled, Ok(Poll::Pending)) {
            *this.lifecycle = Lifecycle::Ended;
        }
        resume(polled, dropped)
    }
}

#[pinned_drop]
impl<F, O: Observer> PinnedDrop for SpanFuture<F, O> {
    #[inline]
    fn drop(self: Pin<&mut Self>) {
        let this = self.project();
        drop_early(this.inner, this.lifecycle, this.observer, Exit::Cancelled);
    }
}

impl<F, O: Observer> fmt::Debug for SpanFuture<F, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanFuture").field("done", &self.inner.is_none()).finish_non_exhaustive()
    }
}
