//! What cannot be saved: the clock, and the least that an observed span can be. Nobody's library; they say how much of
//! a library's time is its own.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use super::by_hand::fresh_id;
use super::{Contender, Peer, Role};
use crate::row::{Listening, Row, Shape};
use crate::shape::Case;
use crate::tally::{Fan, handlers};
use crate::work::{Items, Work};

pub(super) const CLOCKS: Contender = Contender {
    name: "clock reads",
    role: Role::LessWork,
    note: "only two clock reads per span, and in row 4 the id and the owned model",
    case: |row| case(row, Clocks, 0),
};

pub(super) const SPAN: Contender = Contender {
    name: "least",
    role: Role::LessWork,
    note: "a lower bound: one `Arc` allocation, one thread-local pointer set around the poll, two clock reads, and \
           one call of each handler at each end; no names, parents, outcomes, detaching or `catch_unwind`",
    case: |row| case(row, Least(Fan::new(row.listening)), 2 * row.spans() * handlers(row.listening)),
};

fn case(row: &Row, peer: impl Peer, deliveries: u64) -> Option<Case> {
    let fits =
        row.listening == Listening::One && matches!(row.shape, Shape::Future | Shape::Owned | Shape::Nested);
    fits.then(|| Case::new(peer, row, deliveries))
}

struct Clocks;

impl Clocks {
    #[inline(always)]
    fn span(&self, told: impl Sized, work: impl Work) -> impl Work {
        async move {
            let start = Instant::now();
            let output = work.await;
            black_box((start.elapsed(), told));
            output
        }
    }
}

/// As much as ours keeps of a span.
struct Kept<T> {
    start: Instant,
    _told: T,
    _more: [u64; 20],
}

struct Least(Fan);

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
}

impl Least {
    #[inline(always)]
    fn span(&self, told: impl Sized, work: impl Work) -> impl Work {
        async move {
            let kept = Arc::new(Kept { start: Instant::now(), _told: told, _more: black_box([0; 20]) });
            self.0.tell(None);
            let outer = NOW.replace(Arc::as_ptr(&kept).addr());
            let output = work.await;
            NOW.set(outer);
            self.0.tell(Some(black_box(&kept).start.elapsed()));
            output
        }
    }
}

macro_rules! peer {
    ($name:ty) => {
        impl Peer for $name {
            fn read() {
                black_box(NOW.get());
            }

            #[inline(always)]
            fn generate(&self, work: impl Work) -> impl Work {
                self.span(("openai", "gpt-5"), work)
            }

            #[inline(always)]
            fn owned(&self, model: String, work: impl Work) -> impl Work {
                self.span((black_box(fresh_id()), model), work)
            }

            #[inline(always)]
            fn chat(&self, work: impl Work) -> impl Work {
                self.span(("openai", "gpt-5"), work)
            }

            #[inline(always)]
            fn step(&self, work: impl Work) -> impl Work {
                self.span((), work)
            }

            #[inline(always)]
            fn tool(&self, work: impl Work) -> impl Work {
                self.span(("search", "call_1"), work)
            }

            #[inline(always)]
            fn stream(&self, items: impl Items) -> impl Items {
                items
            }
        }
    };
}

peer!(Clocks);
peer!(Least);
