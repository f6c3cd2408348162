//! tracing with tracing-subscriber's registry and a layer that keeps the fields and computes
//! durations: what a bridge to logs, metrics or OpenTelemetry does at the least.

use std::fmt::{self, Write as _};
use std::hint::black_box;
use std::time::Instant;

use tracing::Metadata;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber, set_global_default};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::tracing::Tracing;
use super::tracing_bare::{deliveries, wants};
use super::{Contender, Role};
use crate::row::{Listening, Row};
use crate::shape::Case;
use crate::tally::Fan;

pub(super) const CONTENDER: Contender = Contender {
    name: "tracing + registry",
    role: Role::Peer,
    note: "a layer keeps the fields, in one string as the fmt layer does, and computes durations; \
           it measures nothing per stream item",
    case,
};

fn case(row: &Row) -> Option<Case> {
    if row.listening == Listening::Nobody {
        return None;
    }
    install(row);
    Some(Case::new(Tracing, row, deliveries(row)))
}

/// Makes it the subscriber of this process.
pub(super) fn install(row: &Row) {
    let keep = Keep { fan: Fan::new(row.listening), listening: row.listening };
    set_global_default(Registry::default().with(keep)).expect("the first subscriber of this process");
}

struct Keep {
    fan: Fan,
    listening: Listening,
}

/// What the layer keeps of a span.
struct Kept {
    start: Instant,
    fields: Fields,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keep {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if wants(self.listening, metadata.name()) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        wants(self.listening, metadata.name())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = cx.span(id).expect("the registry has the span");
        span.extensions_mut().insert(Kept { start: Instant::now(), fields });
        self.fan.tell(None);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        let span = cx.span(id).expect("the registry has the span");
        if let Some(kept) = span.extensions_mut().get_mut::<Kept>() {
            values.record(&mut kept.fields);
        }
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        let span = cx.span(&id).expect("the registry has the span");
        let extensions = span.extensions();
        let kept = extensions.get::<Kept>().expect("kept at the start");
        black_box(kept.fields.0.as_str());
        self.fan.tell(Some(kept.start.elapsed()));
    }
}

/// `key=value` pairs.
#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        for part in [field.name(), "=", value, " "] {
            self.0.push_str(part);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
