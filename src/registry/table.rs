use std::collections::HashMap;
use std::sync::Arc;

use super::attached_listener::AttachedListener;
use super::handler::Handler;
use super::interest::EventSet;
use crate::event::{Content, EventName, KnownEvent};

/// A handler or listener that is attached under an id.
#[derive(Clone, Debug)]
pub(super) enum Attached {
    Handler(Arc<Handler>),
    Listener(Arc<AttachedListener>),
}

impl Attached {
    pub(super) fn followed(&self) -> EventSet {
        match self {
            Self::Handler(handler) => handler.followed(),
            Self::Listener(listener) => listener.followed(),
        }
    }

    /// Returns the number that distinguishes it from others attached under the same id.
    pub(super) fn sequence(&self) -> u64 {
        match self {
            Self::Handler(handler) => handler.sequence,
            Self::Listener(listener) => listener.sequence,
        }
    }
}

/// The handlers of each event, and the listeners. Immutable; a new one is built after a change.
#[derive(Debug)]
pub(super) struct Table {
    /// The id of the registry that it belongs to, and the version of that registry.
    pub(super) registry: u64,
    pub(super) version: u64,
    known: [Row; KnownEvent::COUNT],
    custom: HashMap<EventName, Row>,
    pub(super) listeners: Vec<Arc<AttachedListener>>,
}

/// The handlers of one event.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) handlers: Vec<Arc<Handler>>,
    /// The content that any of them, or any listener, may receive.
    pub(super) content: Content,
}

static EMPTY: Row = Row { handlers: Vec::new(), content: Content::NONE };

impl Table {
    pub(super) fn build(registry: u64, version: u64, attached: impl Iterator<Item = Attached>) -> Self {
        let (mut handlers, mut listeners) = (Vec::new(), Vec::new());
        for one in attached {
            match one {
                Attached::Handler(handler) => handlers.push(handler),
                Attached::Listener(listener) => listeners.push(listener),
            }
        }
        // The concurrent map has no order.
        handlers.sort_by_key(|handler| handler.sequence);
        listeners.sort_by_key(|listener| listener.sequence);
        let content = listeners.iter().fold(Content::NONE, |all, listener| all | listener.content);
        let known = std::array::from_fn(|_| Row { content, ..Row::default() });
        let mut table = Self { registry, version, known, custom: HashMap::new(), listeners };
        for handler in handlers {
            for name in &handler.events {
                let row = table.row_mut(name);
                row.content |= handler.content;
                row.handlers.push(handler.clone());
            }
        }
        table
    }

    #[inline]
    pub(super) fn row(&self, name: &EventName) -> &Row {
        match name.as_known() {
            Some(event) => &self.known[event.index()],
            None => self.custom_row(name),
        }
    }

    // Not inlined into `row`, whose other path is a load: 20 instructions less for each event.
    #[inline(never)]
    fn custom_row(&self, name: &EventName) -> &Row {
        self.custom.get(name).unwrap_or(&EMPTY)
    }

    fn row_mut(&mut self, name: &EventName) -> &mut Row {
        match name.as_known() {
            Some(event) => &mut self.known[event.index()],
            None => self.custom.entry(name.clone()).or_default(),
        }
    }
}
