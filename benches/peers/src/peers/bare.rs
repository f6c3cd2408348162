//! The work without telemetry: the lower bound of every row.

use super::{Contender, Peer, Role};
use crate::row::{Listening, Row};
use crate::shape::Case;
use crate::work::{Items, Work};

pub(super) const CONTENDER: Contender =
    Contender { name: "bare", role: Role::Floor, note: "the work without telemetry", case };

fn case(row: &Row) -> Option<Case> {
    let fits = row.listening == Listening::Nobody && !row.reads_id();
    fits.then(|| Case::new(Bare, row, 0))
}

struct Bare;

impl Peer for Bare {
    fn read() {}

    #[inline(always)]
    fn generate(&self, work: impl Work) -> impl Work {
        work
    }

    #[inline(always)]
    fn owned(&self, _model: String, work: impl Work) -> impl Work {
        work
    }

    #[inline(always)]
    fn chat(&self, work: impl Work) -> impl Work {
        work
    }

    #[inline(always)]
    fn step(&self, work: impl Work) -> impl Work {
        work
    }

    #[inline(always)]
    fn tool(&self, work: impl Work) -> impl Work {
        work
    }

    #[inline(always)]
    fn stream(&self, items: impl Items) -> impl Items {
        items
    }
}
