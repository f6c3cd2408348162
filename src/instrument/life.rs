use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use crate::context::{Context, enter, is_current};
use crate::span::{Active, Input, Settled, Unsettled};

/// Where a wrapped future stands. `A` is what an observed span keeps meanwhile.
#[derive(Debug)]
pub(super) enum Life<I, A> {
    /// Not polled yet: nothing ran, nothing was said.
    Built(Unsettled, I),
    /// Nobody observes the span. It carries its context and is silent to its end.
    Unobserved(Context),
    /// Started, and bound to end once.
    Observed(A),
    /// Ended.
    Done,
}

impl<I: Input, A> Life<I, A> {
    /// Starts the span with the first poll.
    #[inline]
    pub(super) fn settle(&mut self, observe: impl FnOnce(Active) -> A) {
        if matches!(self, Self::Built(..)) {
            if let Self::Built(unsettled, input) = self.take() {
                *self = match unsettled.settle(input) {
                    Settled::Unobserved(context) => Self::Unobserved(context),
                    Settled::Observed(active) => Self::Observed(observe(active)),
                };
            }
        }
    }
}

impl<I, A> Life<I, A> {
    #[inline]
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Done)
    }
}

/// Polls a future that is dropped once it is ready.
#[inline]
pub(super) fn poll_inner<F: Future>(inner: Pin<&mut Option<F>>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
    match inner.as_pin_mut() {
        Some(inner) => inner.poll(cx),
        None => panic!("a future in a span was polled after it was ready"),
    }
}

/// [`poll_inner`] for an unobserved span: in its context, and dropped there as soon as it is ready.
#[inline]
pub(super) fn poll_carried<F: Future>(
    context: &mut Context,
    mut inner: Pin<&mut Option<F>>,
    cx: &mut TaskContext<'_>,
) -> Poll<F::Output> {
    carry(context, || {
        let polled = poll_inner(inner.as_mut(), cx);
        if polled.is_ready() {
            inner.set(None);
        }
        polled
    })
}

/// Runs the poll of an unobserved span in its context. Nested ones need not enter what is entered already.
#[inline]
pub(super) fn carry<R>(context: &mut Context, work: impl FnOnce() -> R) -> R {
    if is_current(context) { work() } else { enter(context, work) }
}
