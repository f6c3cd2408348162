//! What is wrapped: a future and a stream that the optimiser cannot see through.

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::peers::Peer;

/// What the work gives: the error never comes, but the type is the one of a call that can fail.
pub(crate) type Output = Result<u64, Infallible>;

/// A future of [`Output`].
pub(crate) trait Work: Future<Output = Output> {}
impl<F: Future<Output = Output>> Work for F {}

/// A stream of [`Output`].
pub(crate) trait Items: Stream<Item = Output> {}
impl<S: Stream<Item = Output>> Items for S {}

/// Whether the work reads what its wrapper set up. Off in most rows, but a run-time value: the
/// wrapper must set it up for real, or LLVM removes it.
static READ: AtomicBool = AtomicBool::new(false);

/// Makes the work read what its wrapper set up.
pub(crate) fn read_inside() {
    READ.store(true, Ordering::Relaxed);
}

/// Reads the current span or id of `P`, when this process is to do that.
#[inline(always)]
fn look<P: Peer>() {
    #[inline(never)]
    fn read<P: Peer>() {
        P::read();
    }
    if READ.load(Ordering::Relaxed) {
        read::<P>();
    }
}

/// The future that is wrapped: pending `pending` times, then ready.
pub(crate) struct Inner<P> {
    pending: u32,
    peer: PhantomData<fn() -> P>,
}

impl<P> Inner<P> {
    pub(crate) fn new(pending: u32) -> Self {
        Inner { pending: black_box(pending), peer: PhantomData }
    }
}

impl<P: Peer> Future for Inner<P> {
    type Output = Output;

    // Out of line: a model call is not inlined into its wrapper either.
    #[inline(never)]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Output> {
        look::<P>();
        match self.pending.checked_sub(1) {
            Some(left) => {
                self.pending = left;
                Poll::Pending
            }
            None => Poll::Ready(Ok(black_box(1))),
        }
    }
}

/// The stream that is wrapped: `left` items, with a pending before every `period`-th one.
pub(crate) struct Tokens<P> {
    left: u32,
    period: u32,
    until_pending: u32,
    peer: PhantomData<fn() -> P>,
}

impl<P> Tokens<P> {
    /// A stream of `count` items; no pending at all when `period` is greater than that.
    pub(crate) fn new(count: u32, period: u32) -> Self {
        let period = black_box(period);
        Tokens { left: black_box(count), period, until_pending: period, peer: PhantomData }
    }
}

impl<P: Peer> Stream for Tokens<P> {
    type Item = Output;

    #[inline(never)]
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Output>> {
        look::<P>();
        self.until_pending -= 1;
        if self.until_pending == 0 {
            self.until_pending = self.period + 1;
            return Poll::Pending;
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Some(Ok(black_box(1))))
            }
            None => Poll::Ready(None),
        }
    }
}

/// Polls the future on the stack until it is ready: no executor is measured.
#[inline(always)]
pub(crate) fn drive<W: Work>(work: W) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut work = pin!(work);
    loop {
        if let Poll::Ready(output) = work.as_mut().poll(&mut cx) {
            black_box(&output);
            return;
        }
    }
}

/// Polls the stream on the stack until it has ended.
#[inline(always)]
pub(crate) fn drain<I: Items>(items: I) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut items = pin!(items);
    loop {
        match items.as_mut().poll_next(&mut cx) {
            Poll::Ready(None) => return,
            Poll::Ready(Some(item)) => {
                black_box(&item);
            }
            Poll::Pending => {}
        }
    }
}
