//! Runs a program for real: futures and streams in spans.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use allm_telemetry::{FutureSpanExt, Span, StreamSpanExt, testing::Capture};
use futures::Stream;

use super::program::{End, Kind, Node, Op};

type Item = Result<(), std::io::Error>;
type BoxedStream = Pin<Box<dyn Stream<Item = Item> + Send>>;

/// What is wrapped: it follows the script.
struct Body {
    script: Vec<Op>,
    end: End,
    drop_panics: bool,
    place: usize,
    active: Option<Active>,
    said_err: bool,
}

/// The child that runs, and how often it may be polled still.
struct Active {
    child: Child,
    polls: u8,
    caught: bool,
}

enum Child {
    Future(Pin<Box<dyn Future<Output = Item> + Send>>),
    Opening(Pin<Box<dyn Future<Output = Result<BoxedStream, std::io::Error>> + Send>>),
    Stream(BoxedStream),
}

enum Said {
    Pending,
    Item(bool),
    End,
}

fn boom<T>() -> T {
    resume_unwind(Box::new("boom"))
}

fn item(ok: bool) -> Item {
    if ok { Ok(()) } else { Err(std::io::Error::other("an item")) }
}

impl Body {
    fn new(script: &[Op], end: End, drop_panics: bool) -> Self {
        Self { script: script.to_vec(), end, drop_panics, place: 0, active: None, said_err: false }
    }

    /// Goes on until there is something to say.
    fn go_on(&mut self, cx: &mut Context<'_>) -> Said {
        loop {
            if let Some(active) = &mut self.active {
                if active.polls > 0 {
                    active.polls -= 1;
                    match active.poll(cx) {
                        Poll::Pending if active.polls > 0 => return Said::Pending,
                        Poll::Ready(false) => continue,
                        Poll::Pending | Poll::Ready(true) => {}
                    }
                }
                let (caught, active) = (active.caught, self.active.take());
                guarded(caught, || drop(active));
            }
            match self.script.get(self.place).cloned() {
                None => return Said::End,
                Some(op) => {
                    self.place += 1;
                    match op {
                        Op::Pending => return Said::Pending,
                        Op::Item(ok) => return Said::Item(ok),
                        Op::Run { child, polls, caught } => {
                            self.active = Some(Active { child: Child::build(&child), polls, caught });
                        }
                    }
                }
            }
        }
    }
}

/// Runs code whose panic ends here if it is to be caught. `None` if there was one.
fn guarded<R>(caught: bool, code: impl FnOnce() -> R) -> Option<R> {
    if caught { catch_unwind(AssertUnwindSafe(code)).ok() } else { Some(code()) }
}

impl Active {
    /// Polls once; ready says whether the child is done.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let child = &mut self.child;
        match guarded(self.caught, || child.poll(cx)) {
            None => Poll::Ready(true),
            Some(polled) => polled,
        }
    }
}

impl Child {
    fn build(node: &Arc<Node>) -> Self {
        let of = node.clone();
        let body = move || Body::new(&of.script, of.end, of.drop_panics);
        let span = |span: Span| span.metadata("node", node.id);
        match &node.kind {
            Kind::Future => Self::Future(Box::pin(FutureSpanExt::in_span(body(), span(Span::generate())))),
            Kind::Stream => Self::Stream(Box::pin(StreamSpanExt::in_span(body(), span(Span::stream())))),
            Kind::Opening { script, end } => {
                let opening = Body::new(script, *end, false);
                let opening = async move { opening.await.map(|()| body()) };
                let opened = span(Span::stream()).open(opening);
                Self::Opening(Box::pin(async { Ok(Box::pin(opened.await?) as BoxedStream) }))
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match self {
            Self::Future(future) => future.as_mut().poll(cx).map(|_| true),
            Self::Stream(stream) => stream.as_mut().poll_next(cx).map(|item| item.is_none()),
            Self::Opening(opening) => match opening.as_mut().poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Err(_)) => Poll::Ready(true),
                Poll::Ready(Ok(stream)) => {
                    *self = Self::Stream(stream);
                    Poll::Ready(false)
                }
            },
        }
    }
}

impl Future for Body {
    type Output = Item;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Item> {
        loop {
            match self.go_on(cx) {
                Said::Pending => return Poll::Pending,
                Said::Item(_) => {}
                Said::End if self.end == End::Panic => boom(),
                Said::End => return Poll::Ready(item(self.end == End::Ok)),
            }
        }
    }
}

impl Stream for Body {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        match self.go_on(cx) {
            Said::Pending => Poll::Pending,
            Said::Item(ok) => Poll::Ready(Some(item(ok))),
            Said::End if self.end == End::Panic => boom(),
            Said::End if self.end == End::Err && !self.said_err => {
                self.said_err = true;
                Poll::Ready(Some(item(false)))
            }
            Said::End => Poll::Ready(None),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if self.drop_panics {
            boom()
        }
    }
}

/// Polls the program so often, each time on another thread if it `hops`, then drops it.
pub(crate) fn run(capture: &Capture, root: &Node, polls: u8, hops: bool) {
    let mut running = Box::pin(capture.scope(Body::new(&root.script, root.end, root.drop_panics)));
    for _ in 0..polls {
        let mut poll = || {
            catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(&mut Context::from_waker(Waker::noop()))))
        };
        let polled = if hops { std::thread::scope(|on| on.spawn(poll).join().unwrap()) } else { poll() };
        if !matches!(polled, Ok(Poll::Pending)) {
            break;
        }
    }
    let _ = catch_unwind(AssertUnwindSafe(|| drop(running)));
}
