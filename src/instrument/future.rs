use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::thread;

use pin_project::{pin_project, pinned_drop};

use super::life::{Life, Stage, carry, poll_carried, poll_fenced};
use crate::context::enter;
use crate::event::{Phase, Rare};
use crate::registry::catch;
use crate::span::{Active, Ending, Input, Judge, OnStop, PendingSpan, Record};

/// A future that wears a span. Made by [`in_span`](crate::FutureSpanExt::in_span) and
/// [`in_span_infallible`](crate::FutureSpanExt::in_span_infallible).
///
/// The span starts with the first poll and ends when the future is ready, is dropped or panics; a future that is
/// dropped without a poll says nothing. The result, the wake-ups and the panics of the inner future are unchanged, and
/// it is dropped inside the span.
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
pub struct SpanFuture<F, J, S, I> {
    #[pin]
    inner: Option<F>,
    life: Life<Active>,
    input: Option<I>,
    judge: J,
    on_stop: Option<S>,
}

impl<F, J, S, I> SpanFuture<F, J, S, I> {
    #[inline]
    pub(super) fn new(inner: F, unsettled: PendingSpan, judge: J, on_stop: S, input: I) -> Self {
        Self {
            inner: Some(inner),
            life: Life::new(unsettled),
            input: Some(input),
            judge,
            on_stop: Some(on_stop),
        }
    }
}

impl<F, J, S, I> Future for SpanFuture<F, J, S, I>
where
    F: Future,
    J: Judge<F::Output>,
    S: OnStop<J::Good>,
    I: Input,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.life.settle(this.input, |active| active);
        let active = match &mut this.life.stage {
            Stage::Unobserved => return poll_carried(&mut this.life.unsettled.context, this.inner, cx),
            Stage::Observed(active) => active,
            Stage::Built | Stage::Done => panic!("a future in a span was polled after it was ready"),
        };
        let (polled, dropped) = active.enter(|| poll_fenced(this.inner, cx));
        if let Ok(Poll::Pending) = polled {
            return Poll::Pending;
        }
        let Stage::Observed(active) = this.life.take() else { unreachable!("it was observed above") };
        match polled {
            Ok(polled) => {
                if let Poll::Ready(output) = &polled {
                    finish(active, output, this.judge, this.on_stop.take());
                }
                if let Err(caught) = dropped {
                    caught.resume();
                }
                polled
            }
            Err(caught) => {
                let ending = active.panicked(&caught);
                active.end(ending, None, Rare::empty(), None);
                if let Err(second) = dropped {
                    second.swallow();
                }
                caught.resume()
            }
        }
    }
}

/// Ends the span of a future that is ready.
#[inline]
fn finish<T, J: Judge<T>, S: OnStop<J::Good>>(
    mut active: Active,
    output: &T,
    judge: &J,
    // One that is not called is dropped after the end: its drop may panic.
    mut on_stop: Option<S>,
) {
    let mut results = Rare::empty();
    let mut fault = None;
    let mut response = None;
    match judge.judge(output) {
        Ok(good) => {
            if let Some(on_stop) = on_stop.take() {
                response = on_stop.response(good);
                if S::LOOKS {
                    active.observe(Phase::Stop, "on_stop", |node| {
                        on_stop.observe(good, &mut Record::new(&mut results, &mut fault, node));
                    });
                }
            }
        }
        Err(bad) => {
            fault = Some(active.describe(|with_text| judge.describe(bad, with_text)));
        }
    }
    active.end(Ending::of(fault), None, results, response);
}

#[pinned_drop]
impl<F, J, S, I> PinnedDrop for SpanFuture<F, J, S, I> {
    #[inline]
    fn drop(self: Pin<&mut Self>) {
        if self.inner.is_some() {
            self.leave();
        }
    }
}

impl<F, J, S, I> SpanFuture<F, J, S, I> {
    /// Dropped before it was ready.
    #[inline(never)]
    fn leave(self: Pin<&mut Self>) {
        let mut this = self.project();
        match this.life.take() {
            // It never ran: it is dropped where it was built.
            Stage::Built => enter(&mut this.life.unsettled.context, || this.inner.set(None)),
            Stage::Unobserved => carry(&mut this.life.unsettled.context, || this.inner.set(None)),
            Stage::Observed(mut active) => {
                let dropped = active.enter(|| catch(|| this.inner.set(None)));
                active.end(Ending::cancelled(), None, Rare::empty(), None);
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

impl<F, J, S, I> fmt::Debug for SpanFuture<F, J, S, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanFuture").field("done", &self.inner.is_none()).finish_non_exhaustive()
    }
}
