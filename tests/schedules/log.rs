//! What was seen, in one form for the model and for the real thing.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::program::RETRY;

/// Names one span of a run; a program's small number may name several, one after the other.
pub(crate) type Key = u32;

/// One event as one handler saw it, or one look at the context.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The task that did it, by the span it was given; 0 is the driver.
    pub(crate) on: Key,
    /// The handler, or [`LOOK`].
    pub(crate) by: u8,
    pub(crate) event: String,
    pub(crate) node: Option<Key>,
    pub(crate) parent: Option<Key>,
    pub(crate) request: Option<String>,
    /// The request id that is current where the handler runs.
    pub(crate) here: Option<String>,
    /// Nanoseconds since the program began.
    pub(crate) at: Option<u64>,
    pub(crate) facts: Vec<(&'static str, Fact)>,
}

/// The `by` of an entry that nobody saw: the program looked at its request id.
pub(crate) const LOOK: u8 = 255;

/// By handler: the innermost span that this one, a listener, is around where somebody looks.
pub(crate) const AROUND: [&str; 6] =
    ["around h0", "around h1", "around h2", "around h3", "around h4", "around h5"];

/// A span by an id that no event told with its key.
pub(crate) const UNSEEN: Key = Key::MAX;

/// A measurement or a value of the metadata.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    Null,
    Number(u64),
    Text(Cow<'static, str>),
    /// The model leaves it open.
    Any,
}

/// The values that are compared where an event has them, besides ids and times of day.
pub(crate) const FACTS: [&str; 18] = [
    "outcome",
    "error",
    "error_type",
    "kind",
    "reason",
    "duration",
    "chunk_count",
    "time_to_first_chunk",
    "producer_wait",
    "longest_wait",
    "consumer_time",
    "attempts",
    "attempt",
    "usage_status",
    "event_name",
    "handler_id",
    BAGGAGE[0],
    BAGGAGE[1],
];

/// The keys of baggage. Which one a number is stored under depends on whether it is even.
pub(crate) const BAGGAGE: [&str; 2] = ["baggage 0", "baggage 1"];

/// The key of a number in the baggage.
pub(crate) fn baggage_key(number: u8) -> &'static str {
    BAGGAGE[usize::from(number % 2)]
}

impl From<&'static str> for Fact {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<u64> for Fact {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Fact {
    fn from(known: Option<T>) -> Self {
        known.map_or(Self::Null, Into::into)
    }
}

/// Puts two logs of one program in the same words; says where they differ.
///
/// With `threads`, tasks ran at once: what each of them did must be the same and in the same order.
pub(crate) fn compare(model: &[Entry], real: &[Entry], threads: bool) -> Result<(), String> {
    let (mut model, mut real) = (model.to_vec(), real.to_vec());
    if threads {
        model.sort_by_key(|entry| entry.on);
        real.sort_by_key(|entry| entry.on);
    }
    let seen = &spans(&model) & &spans(&real);
    forget_the_unseen(&mut model, &seen);
    forget_the_unseen(&mut real, &seen);
    rename_requests(&mut model);
    rename_requests(&mut real);
    for (place, (expected, seen)) in model.iter_mut().zip(&real).enumerate() {
        for ((_, fact), (_, seen)) in expected.facts.iter_mut().zip(&seen.facts) {
            if *fact == Fact::Any {
                *fact = seen.clone();
            }
        }
        if expected != seen {
            return Err(around(&model, &real, place));
        }
    }
    if model.len() == real.len() { Ok(()) } else { Err(around(&model, &real, model.len().min(real.len()))) }
}

/// The spans that were seen, by any of their events.
fn spans(log: &[Entry]) -> HashSet<Key> {
    log.iter().filter(|entry| entry.is_of_span()).filter_map(|entry| entry.node).collect()
}

/// A span of which no event was seen has an id that nobody can name.
fn forget_the_unseen(log: &mut [Entry], seen: &HashSet<Key>) {
    for entry in log {
        let of_retry = entry.node.as_mut().filter(|_| entry.event == RETRY);
        for key in of_retry.into_iter().chain(&mut entry.parent) {
            *key = if seen.contains(key) { *key } else { UNSEEN };
        }
    }
}

/// Ids that were drawn become numbers in the order of their appearance; those that were given stay.
fn rename_requests(log: &mut [Entry]) {
    let mut names: HashMap<String, String> = HashMap::new();
    for id in log.iter_mut().flat_map(|entry| [&mut entry.request, &mut entry.here]).flatten() {
        if !id.starts_with("given-") {
            let next = format!("request {}", names.len() + 1);
            *id = names.entry(id.clone()).or_insert(next).clone();
        }
    }
}

fn around(model: &[Entry], real: &[Entry], place: usize) -> String {
    let line =
        |log: &[Entry]| log.get(place).map_or("(nothing more)".to_owned(), |entry| format!("{entry:?}"));
    let before: Vec<_> =
        model[place.saturating_sub(4)..place].iter().map(|it| format!("    {it:?}")).collect();
    format!("after\n{}\nexpected {}\nbut saw  {}", before.join("\n"), line(model), line(real))
}

impl Entry {
    fn is_of_span(&self) -> bool {
        [".start", ".first_chunk", ".stop", ".exception"].iter().any(|phase| self.event.ends_with(phase))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { on, by, event, node, parent, request, here, at, facts } = self;
        write!(f, "[on {on}, seen by {by}] {event}")?;
        let number = |value: &Option<Key>| value.map_or("-".to_owned(), |key| format!("#{key}"));
        write!(f, " {} in {}, {request:?} inside {here:?}", number(node), number(parent))?;
        if let Some(at) = at {
            write!(f, ", at {at}")?;
        }
        for (key, fact) in facts {
            write!(f, ", {key}={fact:?}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Any => f.write_str("any"),
        }
    }
}
