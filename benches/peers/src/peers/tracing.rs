//! tracing's spans. The subscribers are in the files beside this one.

use std::hint::black_box;

use tracing::{Instrument, Span, info_span, span};

use super::by_hand::fresh_id;
use super::{Contender, Peer, Role};
use crate::inside::{Enter, Inside};
use crate::row::{Listening, Row};
use crate::shape::Case;
use crate::work::{Items, Work};

pub(super) const CONTENDER: Contender =
    Contender { name: "tracing", role: Role::LessWork, note: "no subscriber; carries no id", case };

fn case(row: &Row) -> Option<Case> {
    let fits = row.listening == Listening::Nobody && !row.reads_id();
    fits.then(|| Case::new(Tracing, row, 0))
}

/// Wraps with tracing's own `Instrument`.
pub(super) struct Tracing;

impl Peer for Tracing {
    fn read() {
        black_box(Span::current().id());
    }

    #[inline(always)]
    fn generate(&self, work: impl Work) -> impl Work {
        work.instrument(info_span!("generate", engine = "openai", model = "gpt-5"))
    }

    #[inline(always)]
    fn owned(&self, model: String, work: impl Work) -> impl Work {
        let id = fresh_id();
        work.instrument(info_span!(
            "generate",
            engine = "openai",
            model = model.as_str(),
            request_id = id.as_str(),
        ))
    }

    #[inline(always)]
    fn chat(&self, work: impl Work) -> impl Work {
        work.instrument(info_span!("chat", engine = "openai", model = "gpt-5"))
    }

    #[inline(always)]
    fn step(&self, work: impl Work) -> impl Work {
        work.instrument(info_span!("step"))
    }

    #[inline(always)]
    fn tool(&self, work: impl Work) -> impl Work {
        work.instrument(info_span!("tool", tool_name = "search", tool_call_id = "call_1"))
    }

    #[inline(always)]
    fn stream(&self, items: impl Items) -> impl Items {
        Inside::new(items, info_span!("stream", engine = "openai", model = "gpt-5"))
    }
}

impl Enter for Span {
    type Guard<'a> = span::Entered<'a>;

    fn enter(&self) -> span::Entered<'_> {
        Span::enter(self)
    }
}
