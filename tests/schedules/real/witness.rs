//! Handlers, and what they saw.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use allm_telemetry::{
    Context, Event, Telemetry, current_request_id,
    event::{Measurements, Metadata, SpanId, ValueRef},
    handler::AttachError,
};

use super::follower::{Follower, who_is_around};
use crate::log::{BAGGAGE, Entry, FACTS, Fact, Key, LOOK, UNSEEN};
use crate::program::{Does, Events, OWN};

thread_local! {
    /// The task that runs on this thread.
    static ON: Cell<Key> = const { Cell::new(0) };
}

/// Runs code that belongs to a task.
pub(super) fn on<R>(task: Key, work: impl FnOnce() -> R) -> R {
    struct Back(Key);
    impl Drop for Back {
        fn drop(&mut self) {
            ON.set(self.0);
        }
    }
    let _back = Back(ON.replace(task));
    work()
}

/// What was seen so far.
pub(super) struct Witness {
    /// The monotonic time when the program began.
    origin: u64,
    seen: Mutex<Vec<Seen>>,
}

struct Seen {
    entry: Entry,
    span_id: Option<SpanId>,
    parent_span_id: Option<SpanId>,
}

impl Witness {
    pub(super) fn new(origin: u64) -> Self {
        Self { origin, seen: Mutex::default() }
    }

    pub(super) fn saw(&self, by: u8, event: &Event<'_>, here: Option<String>) {
        let fact = |key: &'static str| {
            let found = event.measurement(key).or_else(|| event.metadata(key))?;
            Some((key, fact(found)))
        };
        let node = event.metadata("node").and_then(|node| node.as_u64());
        let at = event.measurement("monotonic_time").and_then(|time| time.as_u64());
        let entry = Entry {
            on: ON.get(),
            by,
            event: event.name().as_str().to_owned(),
            node: node.and_then(|node| Key::try_from(node).ok()),
            parent: None,
            request: event.request_id().map(str::to_owned),
            here,
            at: at.map(|time| time.wrapping_sub(self.origin)),
            facts: FACTS.into_iter().filter_map(fact).collect(),
        };
        self.push(Seen { entry, span_id: event.span_id(), parent_span_id: event.parent_span_id() });
    }

    /// What the program saw itself.
    pub(super) fn look(&self, node: Key) {
        let context = Context::current();
        let baggage = |key| Some((key, fact(context.baggage(key)?.as_value_ref())));
        let facts = who_is_around().into_iter().chain(BAGGAGE.into_iter().filter_map(baggage)).collect();
        self.tell("look", Some(node), current_request_id().map(|id| id.to_string()), facts);
    }

    /// Something that must not be: no model says it.
    pub(super) fn wrong(&self, what: &str) {
        self.tell(what, None, None, Vec::new());
    }

    fn tell(&self, event: &str, node: Option<Key>, here: Option<String>, facts: Vec<(&'static str, Fact)>) {
        let event = event.to_owned();
        let entry =
            Entry { on: ON.get(), by: LOOK, event, node, parent: None, request: None, here, at: None, facts };
        self.push(Seen { entry, span_id: None, parent_span_id: None });
    }

    fn push(&self, seen: Seen) {
        self.seen.lock().expect("nobody panics here").push(seen);
    }

    /// Everything, with spans named by the keys that they carry.
    pub(super) fn log(&self) -> Vec<Entry> {
        let mut seen = self.seen.lock().expect("nobody panics here");
        let nodes: HashMap<SpanId, Key> =
            seen.iter().filter_map(|seen| Some((seen.span_id?, seen.entry.node?))).collect();
        let node = |id: Option<SpanId>| id.map(|id| nodes.get(&id).copied().unwrap_or(UNSEEN));
        seen.drain(..)
            .map(|Seen { entry, span_id, parent_span_id }| Entry {
                node: if span_id.is_some() { node(span_id) } else { entry.node },
                parent: node(parent_span_id),
                ..entry
            })
            .collect()
    }
}

fn fact(value: ValueRef<'_>) -> Fact {
    match value.as_u64() {
        Some(number) => Fact::Number(number),
        None if value.is_null() => Fact::Null,
        None => Fact::Text(value.to_string().into()),
    }
}

/// Attaches a handler that does what a program says, unless its id is taken.
pub(super) fn attach(telemetry: &Telemetry, witness: &Arc<Witness>, handler: u8, to: Events, does: Does) {
    let id = format!("h{handler}");
    taken_is_fine(match does {
        Does::Follows => telemetry.listen(id, Follower { witness: witness.clone(), handler, to }),
        _ => telemetry.attach_many(id, to.names(), handler_of(witness.clone(), handler, does)),
    });
}

fn taken_is_fine(attached: Result<(), AttachError>) {
    if let Err(error) = attached {
        assert!(matches!(error, AttachError::AlreadyExists { .. }), "{error}");
    }
}

fn handler_of(witness: Arc<Witness>, handler: u8, does: Does) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
    move |event: &Event<'_>| {
        witness.saw(handler, event, current_request_id().map(|id| id.to_string()));
        match does {
            Does::Watches | Does::Follows => {}
            Does::Panics => resume_unwind(Box::new("handler")),
            Does::Attaches(other) => {
                let watch: Box<dyn Fn(&Event<'_>) + Send + Sync> =
                    Box::new(handler_of(witness.clone(), other, Does::Watches));
                let to = Events::All.names();
                taken_is_fine(allm_telemetry::attach_many(format!("h{other}"), to, watch));
            }
            Does::Detaches(other) => drop(allm_telemetry::detach(&format!("h{other}"))),
            Does::Emits if event.name().as_str() == OWN[1] => {}
            Does::Emits => {
                allm_telemetry::execute("echo", Measurements::new(), Metadata::new()).expect("a name")
            }
        }
    }
}
