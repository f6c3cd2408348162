//! Listener states: the per-span states of listeners, and the calls to them.
//!
//! The states are stored in the span's node in the tree of contexts, one for each listener that follows the span. Polls and
//! chunks need no lookup, and a state is dropped with the last node that references it.
//!
//! `on_build` is called where the span is created; `on_start` turns its value into a state when the span starts, possibly in a
//! different context. A node also references the states of its parent for listeners that do not follow this span. So a
//! listener that follows only chats is still called around polls of, and for retries in, a tool inside a chat. Chunks and ends
//! go only to the span's own states.

use std::fmt;
use std::mem;
use std::sync::Arc;

use super::attached_listener::{AttachedListener, ErasedListener, ErasedState};
use super::chunk::Chunk;
use super::dispatch::UserCall;
use super::telemetry::Telemetry;
use super::user_code::{self, Nesting};
use crate::event::{Event, EventName, Phase, SpanName, TraceParent};

/// The states of one node. A handle has at most [`MAX_LISTENERS`](super::MAX_LISTENERS), so a linear search suffices.
#[derive(Default)]
pub(crate) struct ListenerStates {
    /// In the order of attachment.
    entries: Vec<Entry>,
}

/// The state of one listener for one span.
struct Entry {
    listener: Arc<AttachedListener>,
    /// The handle that the listener is attached to.
    telemetry: Telemetry,
    span: SpanName,
    /// Shared with the nodes of nested spans. `None` if `on_build` failed, and while `on_start` runs.
    state: Option<Arc<ErasedState>>,
    /// Whether the state belongs to this span rather than to an enclosing one.
    own: bool,
    /// Whether the listener is called around polls of this node.
    wraps_polls: bool,
}

impl Entry {
    fn build(listener: &Arc<AttachedListener>, telemetry: &Telemetry, span: SpanName) -> Self {
        let (listener, telemetry, wraps_polls) = (listener.clone(), telemetry.clone(), listener.wants_around);
        let mut entry = Self { listener, telemetry, span, state: None, own: true, wraps_polls };
        // No event is emitted yet. The name is used only if a failure is reported.
        entry.state = entry.call(&span.event(Phase::Start), |listener| listener.build());
        entry
    }

    /// Calls `on_start` with the value of `on_build`. Returns whether it succeeded.
    fn start(&mut self, event: &Event<'_>, parent_states: Option<&ListenerStates>) -> bool {
        let parent = parent_states.and_then(|states| states.find(&self.listener)?.state.as_deref());
        // Taken out, because `self.call` borrows `self`.
        let Some(mut state) = self.state.take() else { return false };
        // `get_mut` succeeds, because states are shared with nested spans only after the start.
        let started = Arc::get_mut(&mut state)
            .and_then(|state| self.call(event.name(), |listener| listener.start(state, event, parent)));
        // Put back even after a failure, so that `Drop` drops it as user code.
        self.state = Some(state);
        started.is_some()
    }

    /// Creates the entry of a nested node that shares the state.
    fn share(&self, telemetry: &Telemetry) -> Self {
        Self {
            listener: self.listener.clone(),
            telemetry: self.telemetry.clone(),
            span: self.span,
            state: self.state.clone(),
            own: false,
            // States of other handles are only passed through, for spans of those handles further inside.
            wraps_polls: self.listener.wants_around && self.telemetry.ptr_eq(telemetry),
        }
    }

    /// Calls the listener, unless it was detached. One that fails is detached and reported.
    fn call<R>(&self, event: &EventName, code: impl FnOnce(&dyn ErasedListener) -> R) -> Option<R> {
        if !self.listener.is_attached() {
            return None;
        }
        self.callee(Some(event)).call(|| code(self.listener.get()))
    }

    /// Calls the listener with its state.
    fn call_with(&self, event: &EventName, code: impl FnOnce(&dyn ErasedListener, &ErasedState)) {
        if let Some(state) = self.state.as_deref() {
            self.call(event, |listener| code(listener, state));
        }
    }

    fn callee<'a>(&'a self, event: Option<&'a EventName>) -> UserCall<'a> {
        let (id, sequence) = (&*self.listener.id, Some(self.listener.sequence));
        UserCall { registry: self.telemetry.registry(), id, sequence, event }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            self.callee(None).drop_value(state);
        }
    }
}

impl ListenerStates {
    /// Calls `on_build` of every listener that follows this span.
    pub(crate) fn build(
        &mut self,
        telemetry: &Telemetry,
        name: SpanName,
        listeners: &[Arc<AttachedListener>],
    ) {
        let followers = listeners.iter().filter(|listener| listener.follows(name));
        self.entries.extend(followers.map(|listener| Entry::build(listener, telemetry, name)));
    }

    /// Calls `on_start` of every listener that follows this span. For listeners without a value, because they were attached since
    /// or because the context changed, calls `on_build` first. `parent_states` are the states of the enclosing span.
    pub(crate) fn start(
        &mut self,
        telemetry: &Telemetry,
        listeners: &[Arc<AttachedListener>],
        parent_states: Option<&Self>,
        event: &Event<'_>,
    ) {
        let Some(name) = event.span() else { return };
        // Entries whose `on_start` failed are removed. Their listeners are detached, so the loop below does not call them again.
        self.entries.retain_mut(|entry| entry.start(event, parent_states));
        for listener in listeners.iter().filter(|listener| listener.follows(name)) {
            if self.find(listener).is_none() {
                let mut entry = Entry::build(listener, telemetry, name);
                if entry.start(event, parent_states) {
                    self.entries.push(entry);
                }
            }
        }
    }

    /// Adds references to the parent's states for listeners that have no state for this span.
    pub(crate) fn inherit(&mut self, telemetry: &Telemetry, parent_states: &Self) {
        for entry in &parent_states.entries {
            if entry.listener.is_attached() && self.find(&entry.listener).is_none() {
                self.entries.push(entry.share(telemetry));
            }
        }
        // `around` nests listeners in the order of attachment, whether states are own or inherited.
        self.entries.sort_by_key(|entry| entry.listener.sequence);
    }

    /// Delivers a first chunk or a retry. A first chunk goes only to the span's own states (`own_only`).
    pub(crate) fn event(&self, telemetry: &Telemetry, event: &Event<'_>, own_only: bool) {
        for entry in &self.entries {
            if entry.own || (!own_only && entry.telemetry.ptr_eq(telemetry)) {
                entry.call_with(event.name(), |listener, state| listener.event(state, event));
            }
        }
    }

    /// Calls `on_chunk` of the span's own listeners that request it.
    pub(crate) fn chunk(&self, chunk: &Chunk) {
        for entry in self.entries.iter().filter(|entry| entry.own) {
            if entry.listener.wants_chunks {
                // Used only if a failure is reported: a chunk has no event.
                let event = entry.span.event(Phase::FirstChunk);
                entry.call_with(&event, |listener, state| listener.chunk(state, chunk));
            }
        }
    }

    /// Delivers an end. A listener without a state for this span was attached after the start; its missed-end counter is
    /// incremented.
    pub(crate) fn end(&self, listeners: &[Arc<AttachedListener>], event: &Event<'_>) {
        let Some(name) = event.span() else { return };
        for listener in listeners.iter().filter(|listener| listener.follows(name)) {
            match self.find(listener).filter(|entry| entry.own) {
                Some(entry) => entry.call_with(event.name(), |listener, state| listener.end(state, event)),
                None => listener.miss_end(),
            }
        }
    }

    /// Returns the position in a trace from the first listener that has one.
    pub(crate) fn trace_parent(&self) -> Option<TraceParent> {
        self.entries.iter().find_map(|entry| {
            let state = entry.state.as_deref()?;
            // Used only if a failure is reported: an injection has no event.
            let event = entry.span.event(Phase::Start);
            entry.call(&event, |listener| listener.trace_parent(state))?
        })
    }

    /// Returns whether any listener is called around polls.
    #[inline]
    pub(crate) fn any_wraps_polls(&self) -> bool {
        self.entries.iter().any(|entry| entry.wraps_polls)
    }

    /// Runs `poll` exactly once, inside `around` of every listener that requests it. `poll` must not panic; the caller wraps code
    /// that may panic in `catch`. `ended` is passed to the listeners.
    pub(crate) fn wrap_poll<R>(&self, ended: bool, poll: impl FnOnce() -> R) -> R {
        // `nest` takes a `dyn FnMut`, because it is recursive, and runs it once.
        let (mut poll, mut result) = (Some(poll), None);
        let mut once = || {
            if let Some(poll) = poll.take() {
                result = Some(poll());
            }
        };
        nest(&self.entries, ended, user_code::nesting(), &mut once);
        result.expect("`nest` runs the poll exactly once")
    }

    fn find(&self, listener: &Arc<AttachedListener>) -> Option<&Entry> {
        self.entries.iter().find(|entry| Arc::ptr_eq(&entry.listener, listener))
    }
}

/// Calls the listeners nested in order, with `poll` innermost. `poll` runs exactly once, even if a listener calls its argument
/// twice or never.
fn nest(entries: &[Entry], ended: bool, outer: Nesting, poll: &mut dyn FnMut()) {
    let Some((entry, inner)) = entries.split_first() else { return poll() };
    if !entry.wraps_polls {
        return nest(inner, ended, outer, poll);
    }
    let mut ran = false;
    let mut enclosed = || {
        if !mem::replace(&mut ran, true) {
            // The poll is not part of the listener's call, so it must not count towards the depth limit.
            user_code::with_outer_nesting(outer, || nest(inner, ended, outer, poll));
        }
    };
    // An inherited state belongs to an enclosing span, which may still be open.
    let ended = ended && entry.own;
    let event = entry.span.event(Phase::Start);
    entry.call_with(&event, |listener, state| listener.wrap_poll(state, ended, &mut enclosed));
    // Runs the poll if the listener did not: it did not call its argument, was detached, or panicked before.
    enclosed();
}

impl fmt::Debug for ListenerStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListenerStates({})", self.entries.len())
    }
}
