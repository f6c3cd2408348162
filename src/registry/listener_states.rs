//! Listener states: what listeners keep for a span, and how they are called for it.
//!
//! The states lie on the span's node in the tree of contexts, one for each listener that follows the span. Nothing is
//! looked up for a poll or a chunk, and a state is dropped with the last node that has it.
//!
//! A listener captures something where the span is built (`on_build`), and turns it into a state when the span starts
//! (`on_start`), which may be in another place. A node also shares the states of the span around it, for listeners that
//! have none for this span. Through them, a listener that follows chats only is called around the polls of a tool inside a
//! chat, and for a retry in it. Chunks and ends are passed to the span's own states only.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::attached_listener::{AttachedListener, ErasedListener, Kept};
use super::dispatch::Callee;
use super::telemetry::Telemetry;
use super::user_code::{self, Nesting};
use crate::event::{Event, EventName, Phase, SpanName};

/// The states of one node. A handle has at most [`MAX_LISTENERS`](super::MAX_LISTENERS), so a list is searched.
#[derive(Default)]
pub(crate) struct ListenerStates {
    /// In the order of attaching.
    entries: Vec<Entry>,
}

/// What one listener keeps for one span.
struct Entry {
    listener: Arc<AttachedListener>,
    /// The handle that the listener is attached to.
    telemetry: Telemetry,
    span: SpanName,
    /// Shared with the nodes inside the span. `None` if `on_build` failed.
    kept: Option<Arc<Kept>>,
    /// It is of this very span, and not of one further out.
    own: bool,
    /// Its listener is called around polls here.
    around: bool,
}

impl Entry {
    fn build(listener: &Arc<AttachedListener>, telemetry: &Telemetry, span: SpanName) -> Self {
        let (listener, telemetry, around) = (listener.clone(), telemetry.clone(), listener.wants_around);
        let mut entry = Self { listener, telemetry, span, kept: None, own: true, around };
        entry.kept = entry.call(&span.event(Phase::Start), |listener| listener.build());
        entry
    }

    /// Makes a state of what was captured. Returns whether there is one now.
    fn start(&mut self, event: &Event<'_>, around: Option<&ListenerStates>) -> bool {
        let parent = around.and_then(|around| around.find(&self.listener)?.kept.as_deref());
        let Some(mut kept) = self.kept.take() else { return false };
        // Before its start, a span is not shared, and neither is what is kept for it.
        let started = Arc::get_mut(&mut kept)
            .and_then(|kept| self.call(event.name(), |listener| listener.start(kept, event, parent)));
        // Even if it failed: the drop of this entry drops what is left of it, as user code.
        self.kept = Some(kept);
        started.is_some()
    }

    /// Shares the state with a node inside the span.
    fn share(&self, telemetry: &Telemetry) -> Self {
        Self {
            listener: self.listener.clone(),
            telemetry: self.telemetry.clone(),
            span: self.span,
            kept: self.kept.clone(),
            own: false,
            around: self.listener.wants_around && self.telemetry.ptr_eq(telemetry),
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
    fn call_with(&self, event: &EventName, code: impl FnOnce(&dyn ErasedListener, &Kept)) {
        if let Some(kept) = self.kept.as_deref() {
            self.call(event, |listener| code(listener, kept));
        }
    }

    fn callee<'a>(&'a self, event: Option<&'a EventName>) -> Callee<'a> {
        let (id, sequence) = (&*self.listener.id, Some(self.listener.sequence));
        Callee { registry: self.telemetry.registry(), id, sequence, event }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.take() {
            self.callee(None).drop_value(kept);
        }
    }
}

impl ListenerStates {
    /// Lets every listener capture what it needs where a span is built.
    pub(crate) fn capture(
        &mut self,
        telemetry: &Telemetry,
        name: SpanName,
        listeners: &[Arc<AttachedListener>],
    ) {
        let followers = listeners.iter().filter(|listener| listener.follows(name));
        self.entries.extend(followers.map(|listener| Entry::build(listener, telemetry, name)));
    }

    /// Makes states of what was captured. A listener that captured nothing, because it was attached since or because the
    /// span starts in another place, captures now. `around` has the states of the span around.
    pub(crate) fn start(
        &mut self,
        telemetry: &Telemetry,
        listeners: &[Arc<AttachedListener>],
        around: Option<&Self>,
        event: &Event<'_>,
    ) {
        let Some(name) = event.span() else { return };
        self.entries.retain_mut(|entry| entry.start(event, around));
        for listener in listeners.iter().filter(|listener| listener.follows(name)) {
            if self.find(listener).is_none() {
                let mut entry = Entry::build(listener, telemetry, name);
                if entry.start(event, around) {
                    self.entries.push(entry);
                }
            }
        }
    }

    /// Shares the states of the span around, for those listeners that have none of this one.
    pub(crate) fn inherit(&mut self, telemetry: &Telemetry, around: &Self) {
        for entry in &around.entries {
            if entry.listener.is_attached() && self.find(&entry.listener).is_none() {
                self.entries.push(entry.share(telemetry));
            }
        }
        self.entries.sort_by_key(|entry| entry.listener.sequence);
    }

    /// A first chunk, or a retry. The first concerns the span's own states only.
    pub(crate) fn event(&self, telemetry: &Telemetry, event: &Event<'_>, own_only: bool) {
        for entry in &self.entries {
            if entry.own || (!own_only && entry.telemetry.ptr_eq(telemetry)) {
                entry.call_with(event.name(), |listener, kept| listener.event(kept, event));
            }
        }
    }

    pub(crate) fn chunk(&self, gap: Duration) {
        for entry in self.entries.iter().filter(|entry| entry.own) {
            if entry.listener.wants_chunks {
                let event = entry.span.event(Phase::FirstChunk);
                entry.call_with(&event, |listener, kept| listener.chunk(kept, gap));
            }
        }
    }

    /// A listener that is attached and has no state here has missed the start, and counts that.
    pub(crate) fn end(&self, listeners: &[Arc<AttachedListener>], event: &Event<'_>) {
        let Some(name) = event.span() else { return };
        for listener in listeners.iter().filter(|listener| listener.follows(name)) {
            match self.find(listener).filter(|entry| entry.own) {
                Some(entry) => entry.call_with(event.name(), |it, kept| it.end(kept, event)),
                // It was attached after the start of this span.
                None => listener.miss_end(),
            }
        }
    }

    /// Whether a listener is to be called around polls.
    #[inline]
    pub(crate) fn want_around(&self) -> bool {
        self.entries.iter().any(|entry| entry.around)
    }

    /// Runs `poll` exactly once, inside `around` of every listener that asks for it. It must not panic: the caller of this
    /// catches what may. `ended` says that the span has ended already.
    pub(crate) fn around<R>(&self, ended: bool, poll: impl FnOnce() -> R) -> R {
        let (mut poll, mut result) = (Some(poll), None);
        let mut once = || {
            if let Some(poll) = poll.take() {
                result = Some(poll());
            }
        };
        nest(&self.entries, ended, user_code::nesting(), &mut once);
        result.expect("`nest` calls it")
    }

    fn find(&self, listener: &Arc<AttachedListener>) -> Option<&Entry> {
        self.entries.iter().find(|entry| Arc::ptr_eq(&entry.listener, listener))
    }
}

/// Calls each listener inside the one before it, and `poll` inside them all. A listener may call what it encloses twice or
/// not at all; it runs once all the same.
fn nest(entries: &[Entry], ended: bool, outer: Nesting, poll: &mut dyn FnMut()) {
    let Some((entry, inner)) = entries.split_first() else { return poll() };
    if !entry.around {
        return nest(inner, ended, outer, poll);
    }
    let mut ran = false;
    let mut enclosed = || {
        if !mem::replace(&mut ran, true) {
            user_code::outside(outer, || nest(inner, ended, outer, poll));
        }
    };
    // A shared state is of a span further out, which may be open although this one has ended.
    let ended = ended && entry.own;
    let event = entry.span.event(Phase::Start);
    entry.call_with(&event, |listener, kept| listener.enclose(kept, ended, &mut enclosed));
    // If the listener did not call it, was detached, or panicked before it did.
    enclosed();
}

impl fmt::Debug for ListenerStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListenerStates({})", self.entries.len())
    }
}
