//! Where all handlers deliver to: a count per thread, so that the handler itself shares nothing.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::row::Listening;

thread_local! {
    static HERE: Cell<u64> = const { Cell::new(0) };
}

static ELSEWHERE: AtomicU64 = AtomicU64::new(0);

/// Counts one delivery and looks at the duration it brought.
pub(crate) fn deliver(duration: Option<Duration>) {
    black_box(duration);
    HERE.set(HERE.get() + 1);
}

/// Counts deliveries that a background thread made.
pub(crate) fn deliver_elsewhere(count: u64) {
    ELSEWHERE.fetch_add(count, Ordering::Relaxed);
}

/// All deliveries so far, to this thread and to background threads.
pub(crate) fn delivered() -> u64 {
    HERE.get() + ELSEWHERE.load(Ordering::Relaxed)
}

type Handler = Box<dyn Fn(Option<Duration>) + Send + Sync>;

/// The handlers of a peer that has no list of its own.
pub(crate) struct Fan(Vec<Handler>);

impl Fan {
    pub(crate) fn new(listening: Listening) -> Self {
        let handler = || Box::new(deliver) as Handler;
        Fan((0..handlers(listening)).map(|_| handler()).collect())
    }

    #[inline]
    pub(crate) fn tell(&self, duration: Option<Duration>) {
        for handler in &self.0 {
            handler(duration);
        }
    }
}

/// How many handlers that makes.
pub(crate) fn handlers(listening: Listening) -> u64 {
    match listening {
        Listening::Nobody => 0,
        Listening::One | Listening::ToolStop | Listening::Registry => 1,
        Listening::Ten => 10,
    }
}
