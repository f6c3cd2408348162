use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use crate::context::{Context, enter, enter_bare, is_entered};
use crate::registry::{Caught, catch};
use crate::span::{Active, Input, PendingSpan};

/// Where a wrapped future stands.
pub(super) struct Life<A> {
    pub(super) unsettled: PendingSpan,
    pub(super) stage: Stage<A>,
}

/// `A` is what an observed span keeps meanwhile.
pub(super) enum Stage<A> {
    /// Not polled yet: nothing ran, nothing was said.
    Built,
    /// Nobody observes the span. It carries its context and is silent to its end.
    Unobserved,
    /// Started, and bound to end once.
    Observed(A),
    /// Ended.
    Done,
}

impl<A> Life<A> {
    #[inline]
    pub(super) fn new(unsettled: PendingSpan) -> Self {
        Self { unsettled, stage: Stage::Built }
    }

    /// Starts the span with the first poll.
    #[inline]
    pub(super) fn settle<I: Input>(&mut self, input: &mut Option<I>, observe: impl FnOnce(Active) -> A) {
        if let Stage::Built = self.stage {
            self.stage = match self.unsettled.settle(input) {
                None => Stage::Unobserved,
                Some(active) => Stage::Observed(observe(active)),
            };
        }
    }

    #[inline]
    pub(super) fn take(&mut self) -> Stage<A> {
        std::mem::replace(&mut self.stage, Stage::Done)
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

/// [`poll_inner`] for an observed span: what has ended, with its children, is dropped before the span ends. Panics come
/// back as values.
#[inline]
pub(super) fn poll_fenced<F: Future>(
    mut inner: Pin<&mut Option<F>>,
    cx: &mut TaskContext<'_>,
) -> (Result<Poll<F::Output>, Caught>, Result<(), Caught>) {
    let polled = catch(|| poll_inner(inner.as_mut(), cx));
    let dropped = match polled {
        Ok(Poll::Pending) => Ok(()),
        _ => catch(|| inner.set(None)),
    };
    (polled, dropped)
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
    match enter_bare(context) {
        Some(_entered) => work(),
        None if is_entered(context) => work(),
        None => enter(context, work),
    }
}
