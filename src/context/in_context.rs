use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures::Stream;
use futures::stream::FusedStream;
use pin_project::{pin_project, pinned_drop};

use super::context::Context;
use crate::event::{Metadata, RequestId, RequestIdCell};
use crate::registry::Telemetry;

/// Polls and drops a future or stream in a given context.
///
/// Returned by [`Context::scope`], [`Telemetry::scope`](crate::Telemetry::scope),
/// [`with_request_id`](crate::with_request_id), [`with_baggage`](crate::with_baggage) and `in_current_context`.
///
/// # Panics
///
/// The future panics if polled after completion.
///
/// # Cancel safety
///
/// Cancel safe if the inner future is cancel safe.
#[pin_project(PinnedDrop)]
#[derive(Debug)]
#[must_use = "futures and streams do nothing unless polled"]
pub struct InContext<T> {
    // An `Option`, so that it can be dropped in its context without `unsafe`.
    #[pin]
    inner: Option<T>,
    // Boxed to keep the wrapper small.
    carried: Box<Carried>,
}

#[derive(Debug)]
struct Carried {
    /// Before the first poll, the context in which the wrapper was created; afterwards, the one in which it is polled.
    context: Context,
    /// The change to apply at the first poll. `None` if `context` is final.
    scope: Option<Scope>,
}

/// The change that a scope makes to the enclosing context.
#[derive(Debug)]
pub(crate) enum Scope {
    /// No change.
    Same,
    RequestId(RequestId),
    Baggage(Metadata),
    Telemetry(Telemetry),
}

impl Scope {
    /// Returns the context inside this scope.
    fn apply(self, outer: &Context) -> Context {
        match self {
            Self::Same => outer.clone(),
            Self::RequestId(id) => outer.with_request(RequestIdCell::Known(id)),
            Self::Baggage(baggage) => outer.with_baggage(baggage),
            Self::Telemetry(telemetry) => outer.with_telemetry(telemetry),
        }
    }
}

impl<T> InContext<T> {
    /// Uses exactly this context.
    pub(crate) fn exactly(context: Context, inner: T) -> Self {
        Self { inner: Some(inner), carried: Box::new(Carried { context, scope: None }) }
    }

    /// Uses the context that is current now or that of the first poll, as [`Context::settle`] chooses, changed by `scope`.
    pub(crate) fn pending(scope: Scope, inner: T) -> Self {
        let carried = Carried { context: Context::current(), scope: Some(scope) };
        Self { inner: Some(inner), carried: Box::new(carried) }
    }

    /// Returns the wrapped value, or `None` once it has ended.
    #[must_use]
    pub fn get_ref(&self) -> Option<&T> {
        self.inner.as_ref()
    }

    /// Returns the wrapped value, or `None` once it has ended.
    #[must_use]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.inner.as_mut()
    }

    /// Returns the wrapped value, or `None` once it has ended.
    #[must_use]
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Option<Pin<&mut T>> {
        self.project().inner.as_pin_mut()
    }

    /// Takes the wrapped value out of its context. Returns `None` once it has ended.
    #[must_use]
    pub fn into_inner(mut self) -> Option<T> {
        self.inner.take()
    }

    /// Runs the closure in its context. A closure that is never run is dropped in its context, too.
    pub(crate) fn run<R>(mut self) -> R
    where
        T: FnOnce() -> R,
    {
        let work = self.inner.take().expect("`run` takes the wrapper by value");
        self.carried.for_poll().enter_poll(work)
    }
}

impl Carried {
    /// Returns the context for a poll, which is chosen at the first.
    fn for_poll(&mut self) -> &mut Context {
        if let Some(scope) = self.scope.take() {
            self.context.settle();
            self.context = scope.apply(&self.context);
        }
        &mut self.context
    }

    /// Returns the context for the drop. If the wrapper was never polled, that is the context in which it was created, with
    /// the change of its scope.
    fn for_drop(&mut self) -> &mut Context {
        if let Some(scope) = self.scope.take() {
            self.context = scope.apply(&self.context);
        }
        &mut self.context
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        this.carried.for_poll().enter_poll(|| match this.inner.as_mut().as_pin_mut() {
            Some(inner) => {
                let polled = inner.poll(cx);
                // Dropped inside the context as soon as it is ready, and not by the caller later.
                if polled.is_ready() {
                    this.inner.set(None);
                }
                polled
            }
            None => panic!("`InContext` polled after completion"),
        })
    }
}

impl<S: Stream> Stream for InContext<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        // Without entering the context, so that listeners are not called for a finished stream.
        if this.inner.is_none() {
            return Poll::Ready(None);
        }
        this.carried.for_poll().enter_poll(|| {
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
            this.carried.for_drop().enter_poll(|| this.inner.set(None));
        }
    }
}
