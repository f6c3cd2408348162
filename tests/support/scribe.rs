//! A listener that writes down each call.

use std::cell::Cell;
use std::sync::{Arc, Mutex};

use allm_telemetry::{Content, Event, Listener, SpanName, Telemetry, handler::Chunk};

pub(crate) type Log = Arc<Mutex<Vec<String>>>;

/// Writes down each call.
#[derive(Clone)]
pub(crate) struct Scribe {
    pub(crate) log: Log,
    pub(crate) follows: fn(SpanName) -> bool,
    pub(crate) chunks: bool,
    pub(crate) around: Option<fn(&mut dyn FnMut())>,
    pub(crate) content: Content,
    /// The method that panics.
    pub(crate) panics_in: &'static str,
}

impl Scribe {
    pub(crate) fn new() -> Self {
        Self {
            log: Log::default(),
            follows: |_| true,
            chunks: false,
            around: None,
            content: Content::NONE,
            panics_in: "",
        }
    }

    pub(crate) fn write(&self, method: &'static str, line: impl Into<String>) {
        self.log.lock().unwrap().push(line.into());
        assert!(method != self.panics_in, "bad {method}");
    }

    /// Attaches a copy to a handle of its own.
    pub(crate) fn attached(&self) -> Telemetry {
        let telemetry = Telemetry::new();
        telemetry.listen("scribe", self.clone()).unwrap();
        telemetry
    }

    #[track_caller]
    pub(crate) fn assert_wrote(&self, expected: &[&str]) {
        assert_eq!(*self.log.lock().unwrap(), expected);
    }
}

/// A span's name; its drop is written down.
pub(crate) struct State {
    name: String,
    pub(crate) log: Log,
}

impl Drop for State {
    fn drop(&mut self) {
        self.log.lock().unwrap().push(format!("drop {}", self.name));
    }
}

thread_local! {
    /// Stands for what is current in a foreign system.
    pub(crate) static PLACE: Cell<&'static str> = const { Cell::new("nowhere") };
}

impl Listener for Scribe {
    type Built = &'static str;
    type State = State;

    fn follows(&self, span: SpanName) -> bool {
        (self.follows)(span)
    }

    fn content(&self) -> Content {
        self.content
    }

    fn wants_chunks(&self) -> bool {
        self.chunks
    }

    fn wants_around(&self) -> bool {
        self.around.is_some()
    }

    fn on_build(&self) -> &'static str {
        if self.panics_in == "built" {
            self.write("built", "built");
        }
        PLACE.get()
    }

    fn on_start(&self, event: &Event<'_>, built: &'static str, parent: Option<&State>) -> State {
        let name = event.span().unwrap().to_string();
        let parent = parent.map_or("nothing", |parent| &parent.name);
        let place = if built == "nowhere" { String::new() } else { format!(", built {built}") };
        self.write("start", format!("start {name} in {parent}{place}"));
        State { name, log: self.log.clone() }
    }

    fn on_event(&self, state: &State, event: &Event<'_>) {
        self.write("note", format!("note {} {}", state.name, event.name().segments().last().unwrap()));
    }

    fn on_chunk(&self, state: &State, chunk: &Chunk) {
        let content_free = if chunk.is_content_free() { ", content-free" } else { "" };
        self.write("chunk", format!("chunk {} {:?}{content_free}", state.name, chunk.gap()));
    }

    fn on_end(&self, state: &State, event: &Event<'_>) {
        self.write("stop", format!("stop {} {}", state.name, event.outcome().unwrap()));
    }

    fn around(&self, state: &State, ended: bool, poll: &mut dyn FnMut()) {
        self.write("around", format!("enter {}{}", state.name, if ended { " (ended)" } else { "" }));
        self.around.unwrap()(poll);
        self.log.lock().unwrap().push(format!("leave {}", state.name));
    }
}
