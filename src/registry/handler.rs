use std::fmt;
use std::sync::{Arc, PoisonError};

use tokio::sync::oneshot;

use super::interest::EventSet;
use super::sync::Mutex;
use super::user_code::PanicSafe;
use crate::event::{Content, Event, EventName};

/// A handler's function.
pub(super) type Run = dyn Fn(&Event<'_>) + Send + Sync;

/// Erases the type of a handler's function.
pub(super) fn run(handler: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Box<Run> {
    let handler = PanicSafe::new(handler);
    Box::new(move |event| handler.get()(event))
}

/// A function attached to events under an id.
pub(super) struct Handler {
    pub(super) id: Arc<str>,
    pub(super) events: Box<[EventName]>,
    pub(super) run: Box<Run>,
    pub(super) content: Content,
    /// The order of attaching, so that a table is the same whichever thread builds it.
    pub(super) sequence: u64,
    /// Dropped when the handler is detached, for a subscription that waits for it.
    pub(super) alive: Mutex<Option<oneshot::Sender<()>>>,
}

impl Handler {
    pub(super) fn followed(&self) -> EventSet {
        self.events.iter().fold(EventSet::default(), |all, name| all.and(EventSet::event(name)))
    }

    pub(super) fn detach(&self) {
        drop(self.alive.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").field("id", &self.id).field("events", &self.events).finish_non_exhaustive()
    }
}

/// One handler on one event, as [`list_handlers`](crate::handler::list_handlers) shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerInfo {
    /// The id it was attached under.
    pub id: Arc<str>,
    /// The event it is attached to.
    pub event: EventName,
}
