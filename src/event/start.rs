use std::panic::Location;
use std::sync::Arc;

use super::catalogue::{OPTIONAL_END_KEYS, OPTIONAL_START_KEYS, RESERVED_KEYS};
use super::clock::Time;
use super::entry::{Entry, Visit};
use super::fields::{Key, Metadata};
use super::inherited::Inherited;
use super::lazy_box::{Empty, LazyBox};
use super::request_id::{RequestId, RequestIdCell};
use super::short_text::ShortText;
use super::span_id::SpanId;
use super::span_name::SpanName;
use super::value::{Value, ValueRef};

/// The data of a span that is known at its start: the metadata that all its events share.
#[derive(Clone, Debug)]
pub(crate) struct SpanStart {
    pub(crate) name: SpanName,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
    /// The id set by the caller, if any; otherwise set when the span starts.
    pub(crate) request_id: Option<RequestIdCell>,
    pub(crate) system_time: u64,
    pub(crate) monotonic_time: Time,
    pub(crate) engine: Option<Key>,
    pub(crate) model: Option<ShortText>,
    /// The start keys of the span and the optional start keys that were set.
    pub(crate) keys: Metadata,
    /// The baggage and the remote parent. Before the start, only what the span itself adds.
    pub(crate) inherited: Option<Arc<Inherited>>,
    pub(crate) optional: LazyBox<OptionalStart>,
    /// Whether the span was created with a closure for its `output`. If so, every end has the key.
    pub(crate) has_output: bool,
    /// Whether its observer is expected to see the finish of the answer.
    pub(crate) expects_finish: bool,
    /// Where the span was created.
    pub(crate) built_at: &'static Location<'static>,
}

/// The data that most spans do not have.
#[derive(Clone, Debug)]
pub(crate) struct OptionalStart {
    /// User-defined keys.
    pub(crate) user: Metadata,
    pub(crate) input: Option<Value>,
}

impl Empty for OptionalStart {
    const EMPTY: &'static Self = &Self { user: Metadata::new(), input: None };
}

impl SpanStart {
    #[inline]
    pub(crate) fn new(name: SpanName, built_at: &'static Location<'static>) -> Self {
        Self {
            name,
            span_id: SpanId::next(),
            parent_span_id: None,
            request_id: None,
            system_time: 0,
            monotonic_time: Time::default(),
            engine: None,
            model: None,
            keys: Metadata::new(),
            inherited: None,
            optional: LazyBox::default(),
            has_output: false,
            expects_finish: false,
            built_at,
        }
    }

    /// Sets a key by its name: as a standard key if the catalogue has it, otherwise as a user-defined key. Keys that only the crate
    /// sets are ignored, so that events cannot be forged.
    pub(crate) fn set(&mut self, key: Key, value: Value) {
        match &*key {
            it if self.is_start_key(it) && !value.is_given() => {}
            "engine" => self.engine = value.into_text(),
            "model" => self.model = value.into_text().map(ShortText::from),
            "input" => self.optional.input = Some(value),
            it if self.is_start_key(it) => drop(self.keys.insert(key, value)),
            it if !self.is_standard(it) => drop(self.optional.user.insert(key, value)),
            _ => {}
        }
    }

    /// Returns whether this is a key that the caller sets where the span is created.
    fn is_start_key(&self, key: &str) -> bool {
        matches!(key, "engine" | "model")
            || self.name.row().start_keys.contains(&key)
            || OPTIONAL_START_KEYS.contains(&key)
    }

    /// Returns whether the catalogue has this key for this span. A user-defined key cannot replace it.
    pub(crate) fn is_standard(&self, key: &str) -> bool {
        let row = self.name.row();
        matches!(key, "request_id" | "engine" | "model" | "input" | "output")
            || RESERVED_KEYS.contains(&key)
            || OPTIONAL_END_KEYS.contains(&key)
            || row.start_keys.contains(&key)
            || row.result_keys.contains(&key)
    }

    /// Returns the id of the request. Called only after the start, which sets it.
    pub(crate) fn request_id(&self) -> &RequestId {
        self.request_id.as_ref().expect("a span that has started has a request id").get()
    }

    pub(crate) fn provider(&self) -> Option<&Value> {
        self.keys.get("provider")
    }

    /// Returns the wall-clock time of an instant in or after this span, without reading the system's clock. It is computed from the
    /// start, so that a step of that clock does not move spans and retries out of the span that encloses them.
    pub(crate) fn system_time_at(&self, at: Time) -> u64 {
        self.system_time.saturating_add(at.since(self.monotonic_time))
    }

    /// Returns the baggage that the events of this span have: without keys that the span sets itself, and without standard keys,
    /// which baggage must not forge.
    pub(crate) fn baggage(&self) -> impl Iterator<Item = (&str, &Value)> {
        let baggage = self.inherited.iter().flat_map(|inherited| &inherited.baggage);
        baggage.filter(|(key, _)| self.optional.user.get(key).is_none() && !self.is_taken(key))
    }

    /// Returns the value of a user-defined key, which may be from the baggage.
    pub(crate) fn user_value(&self, key: &str) -> Option<&Value> {
        let baggage = || self.baggage().find(|(of_baggage, _)| *of_baggage == key);
        self.optional.user.get(key).or_else(|| Some(baggage()?.1))
    }

    /// Returns whether a key of the baggage is a standard key of this span, set or not.
    fn is_taken(&self, key: &str) -> bool {
        self.is_standard(key) || OPTIONAL_START_KEYS.contains(&key) || key == "usage"
    }

    /// Visits the metadata without the user-defined keys.
    pub(crate) fn visit_standard<'a>(&'a self, visit: Visit<'_, 'a>) {
        let id = ValueRef::Text(self.request_id().as_str());
        visit(Entry::standard("request_id", id));
        visit(Entry::standard("span_id", ValueRef::SpanId(self.span_id)));
        visit(Entry::standard("parent_span_id", ValueRef::optional(self.parent_span_id, ValueRef::SpanId)));
        visit(Entry::standard("engine", ValueRef::text(self.engine.as_ref())));
        visit(Entry::standard("model", ValueRef::optional(self.model.as_deref(), ValueRef::Text)));
        // The start keys of the span are always present, the optional ones only if they were set.
        let own = self.name.row().start_keys;
        for key in own {
            visit(Entry::standard(key, ValueRef::optional(self.keys.get(key), Value::as_value_ref)));
        }
        for (key, value) in self.keys.iter().filter(|(key, _)| !own.contains(key)) {
            visit(Entry::standard(key, value.as_value_ref()));
        }
        if let Some(input) = &self.optional.input {
            visit(Entry::standard("input", input.as_value_ref()));
        }
    }
}
