use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures::Stream;
use futures::stream::FusedStream;
use pin_project::{pin_project, pinned_drop};

use super::current::enter_task;
use super::handle::Context;

/// A future or a stream that carries a context: it is polled and dropped in it.
///
/// Made by [`Context::scope`], [`Telemetry::scope`](crate::Telemetry::scope),
/// [`with_request_id`](crate::with_request_id), the spawn helpers and `in_current_context`.
///
/// # Cancel safety
///
/// As cancel safe as what it wraps.
#[pin_project(PinnedDrop)]
#[derive(Debug)]
#[must_use = "futures and streams do nothing unless polled"]
pub struct InContext<T> {
    // An `Option`, so that it can be dropped in its context without `unsafe`.
    #[pin]
    inner: Option<T>,
    context: Context,
}

impl<T> InContext<T> {
    pub(crate) fn new(context: Context, inner: T) -> Self {
        Self { inner: Some(inner), context }
    }

    /// Runs a closure in the context. One that never runs is dropped in it all the same.
    pub(crate) fn run<R>(mut self) -> R
    where
        T: FnOnce() -> R,
    {
        let work = self.inner.take().expect("a closure runs once");
        enter_task(&mut self.context, work)
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        enter_task(this.context, || match this.inner.as_mut().as_pin_mut() {
            Some(inner) => {
                let polled = inner.poll(cx);
                if polled.is_ready() {
                    this.inner.set(None);
                }
                polled
            }
            None => panic!("a future that carries a context was polled after it was ready"),
        })
    }
}

impl<S: Stream> Stream for InContext<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if this.inner.is_none() {
            return Poll::Ready(None);
        }
        enter_task(this.context, || {
            let polled =
                this.inner.as_mut().as_pin_mut().map_or(Poll::Ready(None), |inner| inner.poll_next(cx));
            if matches!(polled, Poll::Ready(None)) {
                this.inner.set(None);
            }
            polled
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<S: Stream> FusedStream for InContext<S> {
    fn is_terminated(&self) -> bool {
        self.inner.is_none()
    }
}

#[pinned_drop]
impl<T> PinnedDrop for InContext<T> {
    fn drop(self: Pin<&mut Self>) {
        let mut this = self.project();
        if this.inner.is_some() {
            enter_task(this.context, || this.inner.set(None));
        }
    }
}
