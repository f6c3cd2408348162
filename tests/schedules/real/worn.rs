//! Puts work in a span of the crate, in one type for all shapes.

use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use allm_telemetry::{
    SpanName, Telemetry, Usage, observe::ActiveSpan, prelude::*, with_baggage, with_request_id,
};
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream};

use super::actor::{Actor, Given};
use super::world::{HandClock, Time};
use crate::log::baggage_key;
use crate::program::{Kind, Scope, Scopes, Shape, Word};

/// Work in its span.
pub(super) trait Worn: Send {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Told;
}

/// What a poll told.
pub(super) enum Told {
    Pending,
    Item,
    Opened(Box<dyn Worn>),
    Ready,
    /// The time limit has passed.
    Late,
}

/// The error of work that fails.
#[derive(Debug)]
pub(super) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was refused")
    }
}

pub(super) fn wear(actor: Actor, kind: Kind, deadline: Option<u64>) -> Box<dyn Worn> {
    let mut span = match kind.name {
        SpanName::Generate => Span::generate(),
        SpanName::Stream => Span::stream(),
        SpanName::Chat => Span::chat(),
        SpanName::Tool => Span::tool("search", "call_1"),
        _ => Span::embed(1),
    }
    .metadata("node", u64::from(actor.key));
    if let Some(id) = kind.request {
        span = span.request_id(format!("given-{id}").parse().expect("an id"));
    }
    if kind.expects {
        span = span.expects_finish();
    }
    if let Some(number) = kind.baggage {
        span = span.baggage(baggage_key(number), number);
    }
    let fallible = |span: Span| span.error_type(|_: &Refused| "refused");
    let look = |word: &Word, record: &mut Record<'_>| tell(*word, record);
    let at_end = move |record: &mut Record<'_>| tell(kind.at_end, record);
    let limit = deadline.map(|deadline| Limit::new(&actor.world.time, deadline));
    let ours = actor.world.telemetry.clone();
    match kind.shape {
        Shape::Future => {
            let inner = scoped(AsFuture(actor), kind.inner, &ours);
            let wrapped = inner.in_span(fallible(span).observe(look).on_end(at_end));
            limited(scoped(wrapped, kind.outer, &ours), limit, ready)
        }
        Shape::Plain => {
            let inner = scoped(AsPlain(actor), kind.inner, &ours);
            let wrapped = inner.in_span_infallible(span.observe(look).on_end(at_end));
            limited(scoped(wrapped, kind.outer, &ours), limit, ready)
        }
        Shape::Stream => {
            Box::new(Items(Box::pin(AsStream(actor).in_span(fallible(span).observe(look).on_end(at_end)))))
        }
        Shape::Open => {
            let inner = scoped(AsOpening(Some(actor)), kind.inner, &ours);
            let opening = fallible(span).observe(look).on_end(at_end).open(inner);
            limited(scoped(opening, kind.outer, &ours), limit, |opened| match opened {
                Ok(stream) => Told::Opened(Box::new(Items(Box::pin(stream)))),
                Err(Refused) => Told::Ready,
            })
        }
        Shape::Hand => Box::new(ByHand { span: Some(span.start()), actor: Some(actor) }),
    }
}

/// Puts scopes around a future, the innermost first.
fn scoped<F: Future + Send + 'static>(
    future: F,
    scopes: Scopes,
    ours: &Telemetry,
) -> BoxFuture<'static, F::Output> {
    let wrap = |future: BoxFuture<'static, F::Output>, scope| match scope {
        Scope::Given(id) => with_request_id(format!("given-{id}").parse().expect("an id"), future).boxed(),
        Scope::Baggage(number) => with_baggage([(baggage_key(number), number)], future).boxed(),
        Scope::Ours => ours.scope(future).boxed(),
        Scope::Theirs => Telemetry::new().scope(future).boxed(),
        Scope::Carried => future.in_current_context().boxed(),
    };
    scopes.into_iter().flatten().fold(future.boxed(), wrap)
}

/// What the observers do.
fn tell(word: Word, record: &mut Record<'_>) {
    match word {
        Word::Plain => {}
        Word::Empty => record.content_free(),
        Word::Usage => record.usage(Usage::new().output(1_u64)),
        Word::Finish => record.finished(),
        Word::Last => {
            // In an order that readers may have: usage need not come first.
            record.finished();
            record.usage(Usage::new().output(1_u64));
        }
        Word::Bad => record.error("said", "the observer said so"),
        Word::Bomb => resume_unwind(Box::new("observer")),
    }
}

fn ready<T>(_: T) -> Told {
    Told::Ready
}

struct AsFuture(Actor);
struct AsPlain(Actor);
struct AsStream(Actor);
struct AsOpening(Option<Actor>);

impl Future for AsFuture {
    type Output = Result<Word, Refused>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        match self.0.poll(cx) {
            Given::Pending | Given::Item(_) => Poll::Pending,
            Given::End(word) => Poll::Ready(Ok(word)),
            Given::Fail => Poll::Ready(Err(Refused)),
        }
    }
}

impl Future for AsPlain {
    type Output = Word;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Word> {
        match self.0.poll(cx) {
            Given::End(word) => Poll::Ready(word),
            _ => Poll::Pending,
        }
    }
}

impl Stream for AsStream {
    type Item = Result<Word, Refused>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        match self.0.poll(cx) {
            Given::Pending => Poll::Pending,
            Given::Item(word) => Poll::Ready(Some(Ok(word))),
            Given::Fail => Poll::Ready(Some(Err(Refused))),
            Given::End(_) => Poll::Ready(None),
        }
    }
}

impl Future for AsOpening {
    type Output = Result<AsStream, Refused>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let given = self.0.as_mut().map_or(Given::Pending, |actor| actor.poll(cx));
        match given {
            Given::Pending | Given::Item(_) => Poll::Pending,
            Given::Fail => Poll::Ready(Err(Refused)),
            Given::End(_) => match self.0.take() {
                Some(actor) => Poll::Ready(Ok(AsStream(actor))),
                None => Poll::Pending,
            },
        }
    }
}

/// A wrapped stream.
struct Items<S>(Pin<Box<S>>);

impl<S: Stream + Send> Worn for Items<S> {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Told {
        match self.0.as_mut().poll_next(cx) {
            Poll::Pending => Told::Pending,
            Poll::Ready(Some(_)) => Told::Item,
            Poll::Ready(None) => Told::Ready,
        }
    }
}

/// A time limit: tokio's, or one by the test's own clock.
enum Limit {
    Timeout(tokio::time::Instant),
    ByHand(HandClock, u64),
}

impl Limit {
    fn new(time: &Time, deadline: u64) -> Self {
        match time {
            Time::Paused { began } => Self::Timeout(*began + Duration::from_millis(deadline)),
            Time::ByHand(clock) => Self::ByHand(clock.clone(), deadline),
        }
    }
}

fn limited<F: Future + Send + 'static>(
    future: F,
    limit: Option<Limit>,
    told: impl Fn(F::Output) -> Told + Send + 'static,
) -> Box<dyn Worn> {
    match limit {
        None => Box::new(Wrapped { future: Box::pin(future), told, late: || false }),
        Some(Limit::ByHand(clock, deadline)) => {
            Box::new(Wrapped { future: Box::pin(future), told, late: move || clock.now() >= deadline })
        }
        Some(Limit::Timeout(at)) => {
            let future = Box::pin(tokio::time::timeout_at(at, future));
            let told = move |output: Result<_, _>| output.map_or(Told::Late, &told);
            Box::new(Wrapped { future, told, late: || false })
        }
    }
}

/// A wrapped future.
struct Wrapped<F, T, L> {
    future: Pin<Box<F>>,
    told: T,
    late: L,
}

impl<F: Future + Send, T: Fn(F::Output) -> Told + Send, L: Fn() -> bool + Send> Worn for Wrapped<F, T, L> {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Told {
        match self.future.as_mut().poll(cx) {
            Poll::Ready(output) => (self.told)(output),
            Poll::Pending if (self.late)() => Told::Late,
            Poll::Pending => Told::Pending,
        }
    }
}

/// A span that is driven by hand, and the code that runs in it.
struct ByHand {
    span: Option<ActiveSpan>,
    actor: Option<Actor>,
}

impl ByHand {
    /// Drops what the code had, inside the span.
    fn clear(&mut self) {
        let actor = self.actor.take();
        match &mut self.span {
            Some(span) => span.enter(|| drop(actor)),
            None => drop(actor),
        }
    }
}

impl Worn for ByHand {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Told {
        let (Some(span), Some(actor)) = (&mut self.span, &mut self.actor) else { return Told::Ready };
        match span.enter(|| actor.poll(cx)) {
            Given::Pending => {
                span.wait();
                return Told::Pending;
            }
            Given::Item(word) => {
                span.chunk(|record| tell(word, record));
                return Told::Item;
            }
            Given::End(word) => {
                self.clear();
                if let Some(mut span) = self.span.take() {
                    span.record(|record| tell(word, record));
                    span.complete();
                }
            }
            Given::Fail => {
                self.clear();
                if let Some(span) = self.span.take() {
                    span.error("refused", Refused);
                }
            }
        }
        Told::Ready
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        self.clear();
    }
}
