use std::panic::Location;

use super::catalogue::{OPTIONAL_START_KEYS, STANDARD_END_KEYS};
use super::clock::Time;
use super::entry::{Entry, Visit};
use super::fields::{Key, Metadata};
use super::request_id::{RequestId, RequestIdCell};
use super::span_id::SpanId;
use super::span_name::SpanName;
use super::value::{Value, ValueRef};

/// What is known of a span from its start: the metadata that all its events share.
#[derive(Clone, Debug)]
pub(crate) struct SpanStart {
    pub(crate) name: SpanName,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
    /// The caller's, if one was given; otherwise set when the span starts.
    pub(crate) request_id: Option<RequestIdCell>,
    pub(crate) system_time: u64,
    pub(crate) monotonic_time: Time,
    pub(crate) engine: Option<Key>,
    pub(crate) model: Option<Key>,
    /// The span's start keys and the optional start keys, as far as they were set.
    pub(crate) keys: Metadata,
    /// The user's own keys.
    pub(crate) user: Metadata,
    pub(crate) input: Option<Value>,
    /// Set if the span was built with a closure for its `output`: then every end has the key.
    pub(crate) has_output: bool,
    /// Where the span was built.
    pub(crate) built_at: &'static Location<'static>,
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
            user: Metadata::new(),
            input: None,
            has_output: false,
            built_at,
        }
    }

    /// Sets a key by its name: one of the catalogue's as such, any other as the user's own. Keys that only the crate sets
    /// are ignored, so that no event can be forged.
    pub(crate) fn set(&mut self, key: Key, value: Value) {
        match &*key {
            "engine" => self.engine = value.into_text(),
            "model" => self.model = value.into_text(),
            "input" => self.input = Some(value),
            it if self.name.row().start_keys.contains(&it) || OPTIONAL_START_KEYS.contains(&it) => {
                self.keys.insert(key, value);
            }
            it if !self.is_standard(it) => drop(self.user.insert(key, value)),
            _ => {}
        }
    }

    /// Returns whether the catalogue has this key for this span, so that the user's cannot replace it.
    pub(crate) fn is_standard(&self, key: &str) -> bool {
        let row = self.name.row();
        matches!(key, "request_id" | "engine" | "model" | "input" | "output")
            || STANDARD_END_KEYS.contains(&key)
            || row.start_keys.contains(&key)
            || row.result_keys.contains(&key)
    }

    /// Returns the id of the request. Events are emitted only after the start, so there is one by then.
    pub(crate) fn request_id(&self) -> &RequestId {
        self.request_id.as_ref().expect("a span that has started has a request id").get()
    }

    pub(crate) fn provider(&self) -> Option<&Value> {
        self.keys.get("provider")
    }

    /// Visits the metadata up to the user's own keys.
    pub(crate) fn visit_standard<'a>(&'a self, visit: Visit<'_, 'a>) {
        let id = ValueRef::Text(self.request_id().as_str());
        visit(Entry::standard("request_id", id));
        visit(Entry::standard("span_id", ValueRef::SpanId(self.span_id)));
        visit(Entry::standard("parent_span_id", ValueRef::optional(self.parent_span_id, ValueRef::SpanId)));
        visit(Entry::standard("engine", ValueRef::text(self.engine.as_ref())));
        visit(Entry::standard("model", ValueRef::text(self.model.as_ref())));
        // The span's start keys are always there, the optional ones only if they were set.
        let own = self.name.row().start_keys;
        for key in own {
            visit(Entry::standard(key, ValueRef::optional(self.keys.get(key), Value::as_value_ref)));
        }
        for (key, value) in self.keys.iter().filter(|(key, _)| !own.contains(key)) {
            visit(Entry::standard(key, value.as_value_ref()));
        }
        if let Some(input) = &self.input {
            visit(Entry::standard("input", input.as_value_ref()));
        }
    }
}
