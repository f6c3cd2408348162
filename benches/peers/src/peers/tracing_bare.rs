//! tracing with the barest subscriber: it keeps nothing. In two forms, because a subscriber that
//! only counts does less than the row asks for: the stop has no duration.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber, set_global_default};
use tracing::{Event, Metadata, level_filters::LevelFilter};

use super::tracing::Tracing;
use super::{Contender, Role};
use crate::row::{Listening, Row};
use crate::shape::Case;
use crate::tally::{Fan, handlers};

pub(super) const COUNTING: Contender = Contender {
    name: "tracing counting",
    role: Role::LessWork,
    note: "a minimal subscriber that counts starts and stops; it does not read the clock, so it reports no duration",
    case: |row| case(row, None),
};

pub(super) const TIMING: Contender = Contender {
    name: "tracing bare",
    role: Role::LessWork,
    note: "as above, with durations; the start time is encoded in the span id, so nothing is stored",
    case: |row| case(row, Some(Instant::now())),
};

fn case(row: &Row, clock: Option<Instant>) -> Option<Case> {
    if row.listening == Listening::Nobody {
        return None;
    }
    let bare = Bare { fan: Fan::new(row.listening), listening: row.listening, clock };
    set_global_default(bare).expect("the first subscriber of this process");
    Some(Case::new(Tracing, row, deliveries(row)))
}

/// A start and a stop of each span to each handler; no tool runs where only tools are listened to.
pub(super) fn deliveries(row: &Row) -> u64 {
    match row.listening {
        Listening::ToolStop => 0,
        listening => 2 * row.spans() * handlers(listening),
    }
}

/// Whether the row's listeners want a span of that name.
pub(super) fn wants(listening: Listening, name: &str) -> bool {
    listening != Listening::ToolStop || name == "tool"
}

struct Bare {
    fan: Fan,
    listening: Listening,
    /// The origin of times; without one, nothing is timed.
    clock: Option<Instant>,
}

impl Bare {
    fn now(&self) -> Option<u64> {
        self.clock.map(|origin| origin.elapsed().as_nanos() as u64)
    }
}

impl Subscriber for Bare {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        wants(self.listening, metadata.name())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        attributes.record(&mut Look);
        self.fan.tell(None);
        Id::from_u64(self.now().unwrap_or(0) + 1)
    }

    fn try_close(&self, id: Id) -> bool {
        let lasted = self.now().map(|now| Duration::from_nanos(now + 1 - id.into_u64()));
        self.fan.tell(lasted);
        true
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Sees the fields, keeps none.
struct Look;

impl Visit for Look {
    fn record_str(&mut self, field: &Field, value: &str) {
        black_box((field.name(), value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        black_box((field.name(), value));
    }
}
