//! Listeners, what they saw, and what they are around.

use std::cell::RefCell;
use std::sync::Arc;

use allm_telemetry::{Event, Listener, SpanName};

use super::witness::Witness;
use crate::log::{AROUND, Fact, Key};
use crate::program::Events;

thread_local! {
    /// Who is around what on this thread, the innermost last: the listener, and its span.
    static AROUND_NOW: RefCell<Vec<(u8, Key)>> = const { RefCell::new(Vec::new()) };
}

/// The innermost span that each listener is around.
pub(super) fn who_is_around() -> Vec<(&'static str, Fact)> {
    AROUND_NOW.with_borrow(|now| {
        let innermost = |handler: usize| now.iter().rev().find(|(by, _)| usize::from(*by) == handler);
        let fact = |handler| innermost(handler).map(|(_, key)| u64::from(*key)).into();
        AROUND.into_iter().enumerate().map(|(handler, name)| (name, fact(handler))).collect()
    })
}

/// A listener that tells what it saw. Its state is its span's key.
pub(super) struct Follower {
    pub(super) witness: Arc<Witness>,
    pub(super) handler: u8,
    pub(super) to: Events,
}

impl Listener for Follower {
    type Built = ();
    type State = Key;

    fn follows(&self, span: SpanName) -> bool {
        self.to.names_span(span)
    }

    fn wants_around(&self) -> bool {
        true
    }

    fn on_build(&self) {}

    fn on_start(&self, event: &Event<'_>, (): (), _: Option<&Key>) -> Key {
        self.witness.saw(self.handler, event, None);
        let key = event.metadata("node").and_then(|node| node.as_u64());
        key.and_then(|key| Key::try_from(key).ok()).unwrap_or_default()
    }

    fn on_event(&self, _: &Key, event: &Event<'_>) {
        self.witness.saw(self.handler, event, None);
    }

    fn on_end(&self, key: &Key, event: &Event<'_>) {
        self.witness.saw(self.handler, event, None);
        if event.metadata("node").and_then(|node| node.as_u64()) != Some(u64::from(*key)) {
            self.witness.wrong("a listener got another span's state");
        }
    }

    fn around(&self, key: &Key, _: bool, poll: &mut dyn FnMut()) {
        AROUND_NOW.with_borrow_mut(|now| now.push((self.handler, *key)));
        poll();
        AROUND_NOW.with_borrow_mut(Vec::pop);
    }
}
