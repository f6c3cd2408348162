//! Ours: the global telemetry, with handlers attached as the row says.

use std::hint::black_box;

use allm_telemetry::{Event, Span, SpanName, attach, attach_many, current_request_id, prelude::*};

use super::{Contender, Peer, Role, tracing_by_hand};
use crate::row::{Listening, Row, Shape};
use crate::shape::Case;
use crate::tally::{deliver, handlers};
use crate::work::{Items, Work};

pub(super) const CONTENDER: Contender = Contender {
    name: "ours",
    role: Role::Ours,
    note: "every span has a request id, a parent, an outcome and a duration; a stream also has its waits, and \
           an observer of every chunk",
    case,
};

fn case(row: &Row) -> Option<Case> {
    if row.listening == Listening::Registry {
        return Some(tracing_by_hand::bridged(row));
    }
    listen(row);
    Some(Case::new(Ours, row, deliveries(row)))
}

fn listen(row: &Row) {
    if row.listening == Listening::ToolStop {
        return attach("peers", "allm.tool.stop", handler).expect("a free id");
    }
    let events: Vec<_> = SpanName::ALL.iter().flat_map(|span| span.events()).collect();
    for id in 0..handlers(row.listening) {
        let id = format!("peers-{id}");
        let attached = match row.shape {
            Shape::Owned => attach_many(id, events.clone(), handler_of_ids),
            _ => attach_many(id, events.clone(), handler),
        };
        attached.expect("a free id");
    }
}

fn handler(event: &Event<'_>) {
    deliver(event.duration());
}

fn handler_of_ids(event: &Event<'_>) {
    black_box(event.request_id());
    deliver(event.duration());
}

/// A start and a stop of each span to each handler, and of a stream its first chunk.
fn deliveries(row: &Row) -> u64 {
    let events = 2 * row.spans() + u64::from(row.is_stream());
    match row.listening {
        Listening::ToolStop => 0,
        listening => events * handlers(listening),
    }
}

struct Ours;

impl Peer for Ours {
    fn read() {
        black_box(current_request_id());
    }

    #[inline(always)]
    fn generate(&self, work: impl Work) -> impl Work {
        work.in_span(Span::generate().engine("openai").model("gpt-5"))
    }

    #[inline(always)]
    fn owned(&self, model: String, work: impl Work) -> impl Work {
        work.in_span(Span::generate().engine("openai").model(model))
    }

    #[inline(always)]
    fn chat(&self, work: impl Work) -> impl Work {
        work.in_span(Span::chat().engine("openai").model("gpt-5"))
    }

    #[inline(always)]
    fn step(&self, work: impl Work) -> impl Work {
        work.in_span(Span::step())
    }

    #[inline(always)]
    fn tool(&self, work: impl Work) -> impl Work {
        work.in_span(Span::tool("search", "call_1"))
    }

    #[inline(always)]
    fn stream(&self, items: impl Items) -> impl Items {
        let span = Span::stream().engine("openai").model("gpt-5");
        items.in_span(span.observe(|chunk: &u64, _| {
            black_box(chunk);
        }))
    }
}
