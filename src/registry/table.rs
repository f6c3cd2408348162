use std::collections::HashMap;
use std::sync::Arc;

use super::erased_listener::ErasedListener;
use super::handler::Handler;
use super::interest::EventSet;
use crate::event::{Content, EventName, KnownEvent};

/// What is attached under an id.
#[derive(Clone, Debug)]
pub(super) enum Attached {
    Handler(Arc<Handler>),
    Listener(Arc<dyn ErasedListener>),
}

impl Attached {
    pub(super) fn followed(&self) -> EventSet {
        match self {
            Self::Handler(handler) => handler.followed(),
            Self::Listener(listener) => listener.follower().followed(),
        }
    }

    /// What tells it from another that was attached under the same id.
    pub(super) fn sequence(&self) -> u64 {
        match self {
            Self::Handler(handler) => handler.sequence,
            Self::Listener(listener) => listener.follower().sequence,
        }
    }
}

/// Who gets which event: made anew after each change, then only read.
#[derive(Debug)]
pub(super) struct Table {
    known: [Row; KnownEvent::COUNT],
    custom: HashMap<EventName, Row>,
    pub(super) listeners: Vec<Arc<dyn ErasedListener>>,
}

/// Who gets one event.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) handlers: Vec<Arc<Handler>>,
    /// What any of them, or of the listeners, may have.
    pub(super) content: Content,
}

static NOBODY: Row = Row { handlers: Vec::new(), content: Content::NONE };

impl Table {
    pub(super) fn build(attached: impl Iterator<Item = Attached>) -> Self {
        let (mut handlers, mut listeners) = (Vec::new(), Vec::new());
        for one in attached {
            match one {
                Attached::Handler(handler) => handlers.push(handler),
                Attached::Listener(listener) => listeners.push(listener),
            }
        }
        handlers.sort_by_key(|handler| handler.sequence);
        listeners.sort_by_key(|listener| listener.follower().sequence);
        let content = listeners.iter().fold(Content::NONE, |all, listener| all | listener.follower().content);
        let known = std::array::from_fn(|_| Row { content, ..Row::default() });
        let mut table = Self { known, custom: HashMap::new(), listeners };
        for handler in handlers {
            for name in &handler.events {
                let row = table.row_mut(name);
                row.content |= handler.content;
                row.handlers.push(handler.clone());
            }
        }
        table
    }

    pub(super) fn row(&self, name: &EventName) -> &Row {
        match name.as_known() {
            Some(event) => &self.known[event.index()],
            None => self.custom.get(name).unwrap_or(&NOBODY),
        }
    }

    fn row_mut(&mut self, name: &EventName) -> &mut Row {
        match name.as_known() {
            Some(event) => &mut self.known[event.index()],
            None => self.custom.entry(name.clone()).or_default(),
        }
    }
}
