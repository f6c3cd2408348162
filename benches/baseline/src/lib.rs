//! The hot paths of allm-telemetry, one function each, for the benchmarks beside.
//!
//! | run | for |
//! |---|---|
//! | `cargo bench --bench spans -- --save-baseline before`, change, `… -- --baseline before` | times, compared |
//! | `cargo bench --bench instructions` | instructions by valgrind's callgrind, which vary less than time |
//! | `cargo bench --bench growth` | how cost grows with depth, handlers, live spans and stream length |
//! | `cargo bench --bench log` | JSON lines under load, beside tracing-appender |

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use allm_telemetry::{Event, SpanName, Telemetry, current_request_id, prelude::*};
use futures::Stream;

/// Polls a future that is ready at once.
///
/// # Panics
///
/// If it is not.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future was to be ready at once"),
    }
}

/// The work inside a span. The id can be read here, so no compiler can leave the context out; nobody does.
#[inline(never)]
pub fn work() -> u64 {
    if black_box(false) {
        black_box(current_request_id());
    }
    black_box(1)
}

/// One generate span around a future that is ready.
pub fn generate() {
    black_box(ready(async { work() }.in_span_infallible(Span::generate().engine("openai").model("gpt-5"))));
}

/// chat > step > tool.
pub fn nested() {
    let tool = || async { work() }.in_span_infallible(Span::tool("search", "call_1"));
    let step = || async { tool().await }.in_span_infallible(Span::step());
    black_box(ready(async { step().await }.in_span_infallible(Span::chat().engine("openai").model("gpt-5"))));
}

/// `depth` chat spans, each inside the last.
pub fn deep(depth: usize) -> Pin<Box<dyn Future<Output = u64>>> {
    if depth == 0 {
        return Box::pin(async { work() });
    }
    Box::pin(async move { deep(depth - 1).await }.in_span_infallible(Span::chat()))
}

/// A stream whose items are ready, and which cannot be seen through.
#[derive(Clone, Copy, Debug)]
pub struct Tokens {
    /// How many are left.
    pub left: u64,
}

impl Stream for Tokens {
    type Item = u64;

    #[inline(never)]
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u64>> {
        work();
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(self.left))
    }
}

/// Reads a stream of `tokens` items in a span to its end.
pub fn stream(tokens: u64) {
    let span = Span::stream().model("gpt-5").observe(|token: &u64, record| {
        if *token == 0 {
            record.usage(Usage::new().output(1));
        }
    });
    let mut stream = pin!(Tokens { left: tokens }.in_span_infallible(span));
    while let Poll::Ready(Some(token)) = stream.as_mut().poll_next(&mut Context::from_waker(Waker::noop())) {
        black_box(token);
    }
}

/// A handler that reads what a counter of calls would.
pub fn look(event: &Event<'_>) {
    black_box(event.duration());
}

/// Attaches [`look`] to every event of these spans on the global handle, under `id`.
///
/// # Panics
///
/// If the id is taken.
pub fn attach(id: &str, spans: &[SpanName]) {
    let events = spans.iter().flat_map(|span| span.events());
    Telemetry::global().attach_many(id, events, look).expect("the id is free");
}
