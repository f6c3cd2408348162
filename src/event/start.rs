use std::panic::Location;

use super::catalogue::{MAX_START_KEYS, OPTIONAL_START_KEYS, STANDARD_END_KEYS};
use super::clock::Time;
use super::entry::{Entry, Visit};
use super::fields::{Key, Metadata};
use super::rare::{Empty, Rare};
use super::request_id::{LazyRequestId, RequestIdCell};
use super::span_id::SpanId;
use super::span_name::SpanName;
use super::value::{Value, ValueRef};

/// What a span knows from its start: the part of its metadata that all its events share.
#[derive(Clone, Debug)]
pub(crate) struct SpanStart {
    pub(crate) name: SpanName,
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) request_id: RequestIdCell,
    pub(crate) system_time: u64,
    pub(crate) monotonic_time: Time,
    pub(crate) engine: Option<Key>,
    pub(crate) model: Option<Key>,
    /// The values of the row's start keys, in its order, once one of them was set.
    pub(crate) own: Option<[Value; MAX_START_KEYS]>,
    pub(crate) more: Rare<More>,
    /// The span was built with a closure for its `output`: every end of it has the key.
    pub(crate) has_output: bool,
    /// Where the span was built.
    pub(crate) built_at: &'static Location<'static>,
}

/// What a span may say beside.
#[derive(Clone, Debug)]
pub(crate) struct More {
    /// The optional start keys that were set.
    pub(crate) options: Metadata,
    /// The user's own keys.
    pub(crate) user: Metadata,
    pub(crate) input: Option<Value>,
}

impl Empty for More {
    const EMPTY: &'static Self = &Self { options: Metadata::new(), user: Metadata::new(), input: None };
}

const NOTHING: [Value; MAX_START_KEYS] = [const { Value::Null }; MAX_START_KEYS];

impl SpanStart {
    #[inline]
    pub(crate) fn new(name: SpanName, built_at: &'static Location<'static>) -> Self {
        Self {
            name,
            span_id: SpanId::next(),
            parent_span_id: None,
            request_id: RequestIdCell::of(LazyRequestId::next()),
            system_time: 0,
            monotonic_time: Time::default(),
            engine: None,
            model: None,
            own: None,
            more: Rare::empty(),
            has_output: false,
            built_at,
        }
    }

    /// Sets a key by its name, wherever it belongs: the catalogue's keys in their places, the rest among the user's.
    /// Keys that only the crate sets are left alone.
    pub(crate) fn set(&mut self, key: Key, value: Value) {
        let row = self.name.row();
        if let Some(place) = row.start_keys.iter().position(|own| *own == key) {
            self.own.get_or_insert(NOTHING)[place] = value;
        } else if OPTIONAL_START_KEYS.contains(&&*key) {
            self.more.options.insert(key, value);
        } else if !self.is_standard(&key) || matches!(&*key, "engine" | "model" | "input") {
            match &*key {
                "engine" => self.engine = value.into_text(),
                "model" => self.model = value.into_text(),
                "input" => self.more.input = Some(value),
                _ => drop(self.more.user.insert(key, value)),
            }
        }
    }

    /// Whether the catalogue has this key for this span, so that a user's cannot take its place.
    pub(crate) fn is_standard(&self, key: &str) -> bool {
        let row = self.name.row();
        matches!(key, "request_id" | "engine" | "model" | "input" | "output")
            || STANDARD_END_KEYS.contains(&key)
            || row.start_keys.contains(&key)
            || row.result_keys.contains(&key)
    }

    /// The values of the row's start keys, in its order.
    pub(crate) fn own(&self) -> &[Value; MAX_START_KEYS] {
        self.own.as_ref().unwrap_or(&NOTHING)
    }

    pub(crate) fn provider(&self) -> Option<&Value> {
        self.more.options.get("provider")
    }

    /// The metadata up to the user's own keys.
    pub(crate) fn visit_standard<'a>(&'a self, visit: Visit<'_, 'a>) {
        let id = ValueRef::Text(self.request_id.get().as_str());
        visit(Entry::standard("request_id", id));
        visit(Entry::standard("span_id", ValueRef::SpanId(self.span_id)));
        visit(Entry::standard("parent_span_id", ValueRef::optional(self.parent_span_id, ValueRef::SpanId)));
        visit(Entry::standard("engine", ValueRef::text(self.engine.as_ref())));
        visit(Entry::standard("model", ValueRef::text(self.model.as_ref())));
        for (key, value) in self.name.row().start_keys.iter().zip(self.own()) {
            visit(Entry::standard(key, value.as_value_ref()));
        }
        for (key, value) in self.more.options.iter() {
            visit(Entry::standard(key, value.as_value_ref()));
        }
        if let Some(input) = &self.more.input {
            visit(Entry::standard("input", input.as_value_ref()));
        }
    }
}
