//! A value that plays its fate inside a span, and tells in which context it was polled and dropped.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use allm_telemetry::{
    RequestId, SpanName, Telemetry, current_request_id, event::Metadata, handler::list_handlers, prelude::*,
    span, span_sync,
};
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use tokio::sync::Notify;

use crate::support::{Answer, refused};
use crate::table::{Cell, Fate, Form, Way};

pub(crate) const LOST: &str = "lost";
pub(crate) const DROPPED_BADLY: &str = "dropped badly";

/// What was seen while a life was lived.
#[derive(Default)]
pub(crate) struct Probe {
    /// Told when the value waits for ever, so that something may end it.
    pub(crate) under_way: Notify,
    /// The request id that each poll of the value saw.
    pub(crate) polls: Mutex<Vec<Option<RequestId>>>,
    /// The messages of the panics that went on.
    pub(crate) panics: Mutex<Vec<String>>,
    /// What was still there of the context after a poll or the drop.
    pub(crate) left_behind: Mutex<Vec<String>>,
}

impl Probe {
    /// Looks whether the thread is in no context: no request, and the global handle, which has no handlers here.
    fn look_outside(&self) {
        let (request, handlers) = (current_request_id(), list_handlers("").len());
        if request.is_some() || handlers > 0 {
            self.left_behind.lock().unwrap().push(format!("{request:?}, {handlers} handlers"));
        }
    }
}

/// A task's worth of work with one span in it. Outside it there is no context.
pub(crate) struct Life {
    work: Option<BoxFuture<'static, ()>>,
    pub(crate) probe: Arc<Probe>,
    /// Closed when all of it is dropped.
    _gone: Sender<()>,
}

/// A life in the scope of a handle, or in none; and the receiver that is closed when all of it is dropped.
pub(crate) fn life(cell: Cell, telemetry: Option<&Telemetry>) -> (Life, Receiver<()>) {
    let probe = Arc::new(Probe::default());
    let (gone, wait) = channel();
    let inner =
        Inner { fate: cell.fate, turns: 0, drops_badly: cell.way == Way::PanicInDrop, probe: probe.clone() };
    let told = probe.clone();
    let work = AssertUnwindSafe(live(cell, inner)).catch_unwind().map(move |ended| {
        if let Err(payload) = ended {
            let message = payload.downcast_ref::<&str>().unwrap_or(&"another payload");
            told.panics.lock().unwrap().push((*message).to_owned());
        }
    });
    let work = match telemetry {
        Some(telemetry) => telemetry.scope(work).boxed(),
        None => work.boxed(),
    };
    (Life { work: Some(work), probe, _gone: gone }, wait)
}

impl Future for Life {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.work.as_mut().expect("it is polled while it lives").poll_unpin(cx);
        self.probe.look_outside();
        polled
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        struct Look<'a>(&'a Probe);
        impl Drop for Look<'_> {
            fn drop(&mut self) {
                self.0.look_outside();
            }
        }
        let _after = Look(&self.probe);
        drop(self.work.take());
    }
}

/// What the span wraps.
struct Inner {
    fate: Fate,
    turns: u32,
    drops_badly: bool,
    probe: Arc<Probe>,
}

impl Inner {
    /// Pending once, so that every value is polled more than once; then the number of the turn, from 1.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<u32> {
        self.probe.polls.lock().unwrap().push(current_request_id());
        self.turns += 1;
        if self.turns == 1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.turns - 1)
    }

    fn meet_its_fate(&mut self) -> Poll<Answer<u8>> {
        match self.fate {
            Fate::Panicked => resume_unwind(Box::new(LOST)),
            Fate::Dropped | Fate::FinishedThenDropped | Fate::Cancelled => {
                self.probe.under_way.notify_one();
                Poll::Pending
            }
            Fate::Error | Fate::ErrorThenDropped => Poll::Ready(Err(refused())),
            Fate::Completed | Fate::Truncated | Fate::NeverPolled => Poll::Ready(Ok(1)),
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer<u8>> {
        ready!(self.turn(cx));
        self.meet_its_fate()
    }

    /// An item, then its fate, then the end.
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Answer<u8>>> {
        match ready!(self.turn(cx)) {
            1 => Poll::Ready(Some(Ok(if self.fate == Fate::FinishedThenDropped { FINISHED } else { 1 }))),
            2 => self.meet_its_fate().map(|answer| answer.is_err().then_some(answer)),
            _ if self.fate.dies() => {
                self.probe.under_way.notify_one();
                Poll::Pending
            }
            _ => Poll::Ready(None),
        }
    }
}

/// It leaves a span of its own behind, which tells where it was dropped.
impl Drop for Inner {
    fn drop(&mut self) {
        span_sync(SpanName::Tool, Metadata::new(), || ((), Metadata::new()));
        if self.drops_badly {
            resume_unwind(Box::new(DROPPED_BADLY));
        }
    }
}

/// 0 stands for what the plain forms cannot tell from a success without an observer.
fn told(answer: Answer<u8>) -> u8 {
    answer.unwrap_or(0)
}

/// An item that the observer takes for the finish of the answer.
const FINISHED: u8 = 2;

fn observe(answer: &u8, record: &mut Record<'_>) {
    match *answer {
        0 => record.error("refused", "refused"),
        FINISHED => record.finished(),
        _ => {}
    }
}

fn stream_span(fate: Fate) -> Span {
    if fate.expects_finish() { Span::stream().expects_finish() } else { Span::stream() }
}

async fn live(cell: Cell, mut inner: Inner) {
    let fate = cell.fate;
    match cell.form {
        Form::Future => {
            let answer = poll_fn(move |cx| inner.poll_answer(cx).map(told));
            see_to_the_end(
                fate,
                answer.in_span_infallible(Span::generate().expects_finish().observe(observe)),
            )
            .await;
        }
        Form::TryFuture => {
            let answer = poll_fn(move |cx| inner.poll_answer(cx));
            see_to_the_end(fate, answer.in_span(Span::generate().expects_finish())).await;
        }
        Form::Stream => {
            let items = stream::poll_fn(move |cx| inner.poll_item(cx).map(|item| item.map(told)));
            read_to_the_end(fate, items.in_span_infallible(stream_span(fate).observe(observe))).await;
        }
        Form::TryStream => {
            let items = stream::poll_fn(move |cx| inner.poll_item(cx));
            read_to_the_end(fate, items.in_span(stream_span(fate).observe(observe))).await;
        }
        Form::Open => {
            let opening = async move {
                if fate == Fate::Cancelled {
                    poll_fn(|cx| inner.poll_answer(cx)).await?;
                }
                Answer::Ok(stream::poll_fn(move |cx| inner.poll_item(cx)))
            };
            if let Some(Ok(items)) =
                see_to_the_end(fate, stream_span(fate).observe(observe).open(opening)).await
            {
                read_to_the_end(fate, items).await;
            }
        }
        Form::Closure => {
            let work = async move {
                let answer = poll_fn(|cx| inner.poll_answer(cx)).await;
                ((), answer.err().map_or_else(Metadata::new, |error| [("error", error.to_string())].into()))
            };
            see_to_the_end(fate, span(SpanName::Chat, Metadata::new(), work)).await;
        }
        Form::Manual => by_hand(fate, inner).await,
    }
}

async fn see_to_the_end<F: Future>(fate: Fate, wrapped: F) -> Option<F::Output> {
    if fate == Fate::NeverPolled { None } else { Some(wrapped.await) }
}

async fn read_to_the_end(fate: Fate, wrapped: impl Stream) {
    let mut wrapped = pin!(wrapped);
    while fate != Fate::NeverPolled && wrapped.next().await.is_some() {}
}

async fn by_hand(fate: Fate, mut inner: Inner) {
    let is_stream = fate.has_reader() || fate == Fate::Truncated;
    let mut active = if is_stream { stream_span(fate) } else { Span::generate().expects_finish() }.start();
    if fate == Fate::FinishedThenDropped {
        active.chunk(|record| record.finished());
    }
    let probe = inner.probe.clone();
    let answer = poll_fn(|cx| active.enter(|| inner.poll_answer(cx))).await;
    active.enter(|| drop(inner));
    match answer {
        Ok(_) => active.complete(),
        Err(error) if fate == Fate::ErrorThenDropped => {
            active.record(|record| record.error("refused", error));
            probe.under_way.notify_one();
            pending().await
        }
        Err(error) => active.error("refused", error),
    }
}
