//! A layer that writes down all that a subscriber is told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry, SpanRef};

pub(crate) type Fields = BTreeMap<String, String>;

/// What it has seen, in order.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    log: Vec<String>,
    fields: Vec<(String, Fields)>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A subscriber of its own that has this layer.
    pub(crate) fn dispatch(&self) -> Dispatch {
        Dispatch::new(Registry::default().with(self.clone()))
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.0.lock().unwrap().log.clone()
    }

    /// The log without entering and leaving.
    pub(crate) fn story(&self) -> Vec<String> {
        let mut log = self.log();
        log.retain(|line| !line.starts_with("enter") && !line.starts_with("leave"));
        log
    }

    /// The fields of the spans, or events, of this name; one that was recorded twice has its last value.
    pub(crate) fn all(&self, name: &str) -> Vec<Fields> {
        let seen = self.0.lock().unwrap();
        seen.fields.iter().filter(|(of, _)| of == name).map(|(_, fields)| fields.clone()).collect()
    }

    /// The fields of the one span, or event, of this name.
    #[track_caller]
    pub(crate) fn the(&self, name: &str) -> Fields {
        let mut all = self.all(name);
        assert_eq!(all.len(), 1, "one {name} in {:?}", self.log());
        all.remove(0)
    }

    fn write(&self, line: String) {
        self.0.lock().unwrap().log.push(line);
    }
}

/// Where a span's fields lie.
struct Place(usize);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let span = cx.span(id).unwrap();
        let mut fields = Fields::new();
        attributes.record(&mut Visitor(&mut fields));
        let parent = span.parent().map_or("nothing", |parent| parent.name());
        let mut seen = self.0.lock().unwrap();
        seen.log.push(format!("new {} in {parent}", span.name()));
        span.extensions_mut().insert(Place(seen.fields.len()));
        seen.fields.push((span.name().to_owned(), fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        let span = cx.span(id).unwrap();
        let place = span.extensions().get::<Place>().unwrap().0;
        values.record(&mut Visitor(&mut self.0.lock().unwrap().fields[place].1));
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Visitor(&mut fields));
        let path: Vec<_> =
            cx.event_scope(event).into_iter().flatten().map(|span: SpanRef<'_, S>| span.name()).collect();
        let told = fields.get("message").cloned().unwrap_or_default();
        let mut seen = self.0.lock().unwrap();
        seen.log.push(format!(
            "event {told} in {}",
            if path.is_empty() { "nothing".into() } else { path.join(" < ") }
        ));
        seen.fields.push((event.metadata().name().to_owned(), fields));
    }

    fn on_enter(&self, id: &Id, cx: Context<'_, S>) {
        self.write(format!("enter {}", cx.span(id).unwrap().name()));
    }

    fn on_exit(&self, id: &Id, cx: Context<'_, S>) {
        self.write(format!("leave {}", cx.span(id).unwrap().name()));
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        self.write(format!("close {}", cx.span(&id).unwrap().name()));
    }
}

/// Each value with its type, but for text.
struct Visitor<'a>(&'a mut Fields);

impl Visitor<'_> {
    fn keep(&mut self, field: &Field, value: impl fmt::Display) {
        self.0.insert(field.name().to_owned(), value.to_string());
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, format_args!("{value} i64"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, format_args!("{value} u64"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, format_args!("{value} f64"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, format_args!("{value} bool"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field, format_args!("{value:?}"));
    }
}
