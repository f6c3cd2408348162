//! The ways to wrap the work, the same for every peer.

use std::hint::black_box;

use crate::peers::Peer;
use crate::row::{ITEMS, Row, Shape};
use crate::work::{Inner, Tokens, drain, drive, read_inside};

/// One cell of the table, ready to run.
pub(crate) struct Case {
    /// Runs the work so many times.
    pub(crate) run: Box<dyn Fn(u64) + Send + Sync>,
    /// Not timed; called before and after each batch.
    pub(crate) between: fn(),
    /// Runs in one batch, where that is not to be found out by the clock.
    pub(crate) batch: Option<u64>,
    /// Deliveries that one run of the work makes; checked before anything is measured.
    pub(crate) deliveries: u64,
}

impl Case {
    /// The work of the row, wrapped by the peer, which makes `deliveries` per run.
    pub(crate) fn new<P: Peer>(peer: P, row: &Row, deliveries: u64) -> Self {
        if row.reads_id() {
            read_inside();
        }
        Case { run: wrap(peer, row.shape), between: || {}, batch: None, deliveries }
    }
}

fn wrap<P: Peer>(peer: P, shape: Shape) -> Box<dyn Fn(u64) + Send + Sync> {
    match shape {
        Shape::Future | Shape::FutureRead => repeat(move || drive(peer.generate(Inner::<P>::new(0)))),
        Shape::Pending => repeat(move || drive(peer.generate(Inner::<P>::new(9)))),
        Shape::LongPending => repeat(move || drive(peer.generate(Inner::<P>::new(19)))),
        Shape::Owned => repeat(move || {
            let model = String::from(black_box("gpt-5"));
            drive(peer.owned(model, Inner::<P>::new(0)));
        }),
        Shape::Nested | Shape::NestedRead => repeat(move || drive(nested(&peer))),
        Shape::Stream => repeat(move || drain(peer.stream(Tokens::<P>::new(ITEMS, u32::MAX)))),
        Shape::StreamPending => repeat(move || drain(peer.stream(Tokens::<P>::new(ITEMS, 10)))),
    }
}

/// Each span is opened inside the one around it, as code that calls code does.
#[inline(always)]
fn nested<P: Peer>(peer: &P) -> impl crate::work::Work + '_ {
    peer.chat(async { peer.step(async { peer.tool(Inner::<P>::new(0)).await }).await })
}

fn repeat(once: impl Fn() + Send + Sync + 'static) -> Box<dyn Fn(u64) + Send + Sync> {
    Box::new(move |times| (0..times).for_each(|_| once()))
}
