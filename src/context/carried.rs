use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use futures::Stream;
use futures::stream::FusedStream;
use pin_project::{pin_project, pinned_drop};

use super::context::Context;
use crate::event::{RequestId, RequestIdCell};
use crate::registry::Telemetry;

/// A future, stream or closure that carries a context: it is polled and dropped in it.
///
/// Returned by [`Context::scope`], [`Telemetry::scope`](crate::Telemetry::scope),
/// [`with_request_id`](crate::with_request_id) and `in_current_context`.
///
/// # Panics
///
/// A future panics when it is polled after it was ready.
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
    // Boxed, so that what is wrapped stays small to move.
    carried: Box<Carried>,
}

#[derive(Debug)]
struct Carried {
    /// Until the first poll, the context it was made in.
    context: Context,
    /// What is changed in the context at the first poll. `None` afterwards.
    scope: Option<Scope>,
}

/// What a scope changes in the context around it.
#[derive(Debug)]
pub(crate) enum Scope {
    /// Nothing: it only carries the context.
    Same,
    RequestId(RequestId),
    Telemetry(Telemetry),
}

impl Scope {
    /// The context inside this scope.
    fn inside(self, outer: &Context) -> Context {
        match self {
            Self::Same => outer.clone(),
            Self::RequestId(id) => outer.with_request(RequestIdCell::Known(id)),
            Self::Telemetry(telemetry) => outer.with_telemetry(telemetry),
        }
    }
}

impl<T> InContext<T> {
    /// Carries exactly this context.
    pub(crate) fn exactly(context: Context, inner: T) -> Self {
        Self { inner: Some(inner), carried: Box::new(Carried { context, scope: None }) }
    }

    /// Carries the context that is current now or at the first poll, as [`Context::settle`] decides, changed by `scope`.
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

    /// Runs a closure in its context. One that never runs is dropped in it all the same.
    pub(crate) fn run<R>(mut self) -> R
    where
        T: FnOnce() -> R,
    {
        let work = self.inner.take().expect("a closure runs once");
        self.carried.settled().enter_poll(work)
    }
}

impl Carried {
    /// The context for a poll.
    fn settled(&mut self) -> &mut Context {
        if let Some(scope) = self.scope.take() {
            self.context.settle();
            self.context = scope.inside(&self.context);
        }
        &mut self.context
    }

    /// The context for the drop. If it was never polled, that is the one it was made in, with its own change.
    fn unsettled(&mut self) -> &mut Context {
        if let Some(scope) = self.scope.take() {
            self.context = scope.inside(&self.context);
        }
        &mut self.context
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        this.carried.settled().enter_poll(|| match this.inner.as_mut().as_pin_mut() {
            Some(inner) => {
                let polled = inner.poll(cx);
                // What is left of it is dropped here, in its context, and not by the caller.
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
        this.carried.settled().enter_poll(|| {
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
            this.carried.unsettled().enter_poll(|| this.inner.set(None));
        }
    }
}
