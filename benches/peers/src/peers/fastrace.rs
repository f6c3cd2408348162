//! fastrace: the calling thread queues, a background thread collects. Both are shown, because a
//! machine pays for both.

use std::hint::black_box;
use std::time::Duration;

use fastrace::Span;
use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use fastrace::future::FutureExt as _;
use fastrace::local::LocalParentGuard;

use super::by_hand::fresh_id;
use super::{Contender, Peer, Role};
use crate::inside::{Enter, Inside};
use crate::row::{ITEMS, Listening, Row, Shape};
use crate::shape::Case;
use crate::tally::deliver_elsewhere;
use crate::work::{Items, Work};

pub(super) const EMITTING: Contender = Contender {
    name: "fastrace",
    role: Role::LessWork,
    note: "time of the calling thread only, before spans are delivered; while nothing is attached, no trace is open",
    case: emitting,
};

pub(super) const COLLECTING: Contender = Contender {
    name: "fastrace + collector",
    role: Role::Peer,
    note: "including the time of the collector, about 30 ns of it for the thread that a flush starts; ends are \
           delivered, starts are not",
    case: collecting,
};

/// As long as possible, because a flush starts a thread, which costs as much as a hundred spans. But the
/// queue has 10,240 places: beyond half of them the collector wakes up and works at the same time, and
/// beyond all of them the rest waits until more is sent.
fn batch(row: &Row) -> u64 {
    // A root's begin and end, each span, and each poll inside a span.
    let polls = match row.shape {
        Shape::Stream => u64::from(ITEMS) + 1,
        Shape::StreamPending => u64::from(ITEMS) * 11 / 10 + 1,
        Shape::Pending => 10,
        _ => row.spans(),
    };
    5_000 / (2 + row.spans() + polls)
}

fn emitting(row: &Row) -> Option<Case> {
    if row.reads_id() || !matches!(row.listening, Listening::Nobody | Listening::One) {
        return None;
    }
    if row.listening == Listening::Nobody {
        return Some(Case::new(Fastrace::<false>, row, 0));
    }
    // The collector works between the batches only, when it is told to.
    let never = Config::default().report_interval(Duration::from_secs(3_600));
    fastrace::set_reporter(Count, never);
    Some(Case {
        between: fastrace::flush,
        batch: Some(batch(row)),
        ..Case::new(Fastrace::<true>, row, row.spans())
    })
}

fn collecting(row: &Row) -> Option<Case> {
    // On two threads the collector would be a third.
    if row.listening == Listening::Nobody || row.threads > 1 {
        return None;
    }
    let case = emitting(row)?;
    let run = case.run;
    let run = Box::new(move |times| {
        run(times);
        fastrace::flush();
    });
    Some(Case { run, ..case })
}

struct Count;

impl Reporter for Count {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        for span in &spans {
            black_box(span.duration_ns);
        }
        deliver_elsewhere(spans.len() as u64);
    }
}

/// `ROOTS` says whether a trace is opened at the root. While nothing is attached, none is: every
/// span asks for a local parent, finds none and is a no-op, as in a library whose user traces nothing.
struct Fastrace<const ROOTS: bool>;

const MODEL: [(&str, &str); 2] = [("engine", "openai"), ("model", "gpt-5")];
const TOOL: [(&str, &str); 2] = [("tool_name", "search"), ("tool_call_id", "call_1")];

impl<const ROOTS: bool> Fastrace<ROOTS> {
    #[inline(always)]
    fn root(&self, name: &'static str) -> Span {
        if ROOTS { Span::root(name, SpanContext::random()) } else { Span::enter_with_local_parent(name) }
    }
}

impl<const ROOTS: bool> Peer for Fastrace<ROOTS> {
    fn read() {
        black_box(SpanContext::current_local_parent());
    }

    #[inline(always)]
    fn generate(&self, work: impl Work) -> impl Work {
        work.in_span(self.root("generate").with_properties(|| MODEL))
    }

    #[inline(always)]
    fn owned(&self, model: String, work: impl Work) -> impl Work {
        let span = self.root("generate").with_properties(|| {
            let id = fresh_id().as_str().to_owned();
            [("engine", "openai".into()), ("model", model), ("request_id", id)]
        });
        work.in_span(span)
    }

    #[inline(always)]
    fn chat(&self, work: impl Work) -> impl Work {
        work.in_span(self.root("chat").with_properties(|| MODEL))
    }

    #[inline(always)]
    fn step(&self, work: impl Work) -> impl Work {
        work.in_span(Span::enter_with_local_parent("step"))
    }

    #[inline(always)]
    fn tool(&self, work: impl Work) -> impl Work {
        work.in_span(Span::enter_with_local_parent("tool").with_properties(|| TOOL))
    }

    #[inline(always)]
    fn stream(&self, items: impl Items) -> impl Items {
        Inside::new(items, self.root("stream").with_properties(|| MODEL))
    }
}

impl Enter for Span {
    type Guard<'a> = LocalParentGuard;

    fn enter(&self) -> LocalParentGuard {
        self.set_local_parent()
    }
}
