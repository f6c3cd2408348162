use std::fmt;
use std::sync::Arc;

use super::interest::EventSet;
use super::queue::Queue;
use super::user_code::PanicSafe;
use crate::event::{Content, Event, EventName};

/// The action of a handler on an event.
pub(super) enum Run {
    /// Calls a user function.
    Function(Box<dyn Fn(&Event<'_>) + Send + Sync>),
    /// Queues a copy for a subscription.
    Queue(Arc<Queue>),
}

impl Run {
    pub(super) fn function(function: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        // What the function has captured is dropped with the last table, possibly inside unrelated code.
        let function = PanicSafe::new(function);
        Self::Function(Box::new(move |event| function.get()(event)))
    }
}

/// A function or queue that is attached to events under an id.
pub(super) struct Handler {
    pub(super) id: Arc<str>,
    pub(super) events: Box<[EventName]>,
    pub(super) content: Content,
    pub(super) run: Run,
    /// The order of attachment, so that a table is the same whichever thread builds it.
    pub(super) sequence: u64,
}

impl Handler {
    pub(super) fn followed(&self) -> EventSet {
        self.events.iter().fold(EventSet::default(), |all, name| all.and(EventSet::event(name)))
    }

    #[inline]
    pub(super) fn call(&self, event: &Event<'_>) {
        match &self.run {
            Run::Function(function) => function(event),
            Run::Queue(queue) => queue.push(event.to_owned()),
        }
    }

    /// Ends the subscription, if it queues events for one.
    pub(super) fn detach(&self) {
        if let Run::Queue(queue) = &self.run {
            queue.close();
        }
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").field("id", &self.id).field("events", &self.events).finish_non_exhaustive()
    }
}

/// A handler or listener on one event. Returned by [`list_handlers`](crate::handler::list_handlers).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandlerInfo {
    /// The id under which it is attached.
    pub id: Arc<str>,
    /// The event to which it is attached.
    pub event: EventName,
}
