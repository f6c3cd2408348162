use std::mem;
use std::sync::Arc;

use super::active::Active;
use super::observe::Observer;
use crate::context::{Context, Node, Place, Unshared, ambient, is_current, is_outside};
use crate::event::{Content, Event, Moment, Phase, RequestId, RequestIdCell, SpanName, SpanStart};
use crate::registry::{EventSet, Telemetry, anywhere};

/// A span that was built and has not started: where it was built, and what it is if anybody may care.
///
/// It settles in place, because moving a context costs more than all that an unobserved span does: what was stored as
/// words is copied as wider registers, and such a copy waits for the stores.
pub(crate) struct PendingSpan {
    /// Captured at build; once settled, the context inside an unobserved span.
    pub(crate) context: Context,
    /// Its node, in which lies what listeners captured; of a span that nobody listened to anywhere at build only if it has
    /// a request id of its own. A pointer, so that what a span wraps stays small and a builder is cheap to move.
    draft: Option<Unshared>,
    name: SpanName,
}

impl PendingSpan {
    #[track_caller]
    #[inline(always)]
    pub(crate) fn capture(name: SpanName) -> Self {
        let context = ambient();
        // Not by a closure: it would be the caller.
        let draft = if anywhere(EventSet::span(name)) {
            Some(draft(name, context.node().map(|node| &**node)))
        } else {
            None
        };
        Self { context, draft, name }
    }

    pub(crate) fn name(&self) -> SpanName {
        self.name
    }

    #[inline]
    pub(crate) fn start_mut(&mut self) -> Option<&mut SpanStart> {
        self.draft.as_mut()?.get_mut()?.start_mut()
    }

    pub(crate) fn give_request_id(&mut self, id: RequestId) {
        match self.start_mut() {
            Some(start) => start.request_id = Some(RequestIdCell::Known(id)),
            None => self.draft = Some(Node::silent(self.name(), id)),
        }
    }

    /// Finds out where the span belongs, and starts it if it is observed there; else `context` is the one inside it.
    #[inline(always)]
    pub(crate) fn settle<O: Observer>(&mut self, observer: &mut O) -> Option<Active> {
        if self.draft.is_none() {
            if self.context.is_empty() && is_outside() {
                self.context.begin_request();
                return None;
            }
            if self.context.is_bare_request() && is_current(&self.context) {
                return None;
            }
        }
        self.settle_with_care(observer)
    }

    #[inline(never)]
    fn settle_with_care<O: Observer>(&mut self, observer: &mut O) -> Option<Active> {
        self.find_place();
        let telemetry = self.context.telemetry();
        let given_id = match self.draft.take() {
            Some(node) if node.start().is_some() && telemetry.follows(EventSet::span(self.name())) => {
                return Some(self.start(node, telemetry, observer));
            }
            Some(node) => node.given_id().cloned(),
            None => None,
        };
        let outer = mem::take(&mut self.context);
        self.context = unobserved(self.name(), outer, given_id);
        None
    }

    /// The captured context counts, unless none was captured or the present one was opened inside it.
    fn find_place(&mut self) {
        if is_current(&self.context) {
            return;
        }
        let here = ambient();
        if here.is_inside(&self.context) {
            self.context = here;
            // What listeners captured at build belongs to another place.
            self.draft.as_mut().and_then(Unshared::get_mut).into_iter().for_each(Node::drop_states);
        }
    }

    /// Starts the span inside `context`, which it has no use for afterwards.
    fn start<O: Observer>(&mut self, mut draft: Unshared, telemetry: Telemetry, observer: &mut O) -> Active {
        // Seen as a node once: to see that it is not shared costs as much as what is written to it.
        let node = draft.get_mut().expect("a draft is not shared");
        let mut around = None;
        if let Some(start) = node.start_mut() {
            if start.request_id.is_some() {
                around = self.context.node_of_request();
            } else {
                let outer = self.context.request_id_cell();
                start.request_id = Some(outer.unwrap_or_else(RequestIdCell::random));
            }
            if let Some(parent) = self.context.node().and_then(|node| node.nearest_span(&telemetry)) {
                inherit(start, parent);
            }
            fill_input(start, observer, &telemetry);
            let now = telemetry.now();
            start.monotonic_time = now;
            start.system_time = telemetry.system_time(now);
        }
        let around = around.or(self.context.take_node());
        if telemetry.has_listeners() {
            place_and_tell(node, around, telemetry);
        } else {
            node.drop_states();
            node.telemetry = telemetry;
            node.put_inside(around);
        }
        Active::begin(draft.share())
    }
}

/// Puts a span where it belongs and tells the listeners that it starts, before anybody else has it. One whose capture
/// panicked is gone by now; one that captured nothing, or in another place, captures here.
#[inline(never)]
fn place_and_tell(node: &mut Node, around: Option<Arc<Node>>, telemetry: Telemetry) {
    let told = telemetry.with_listeners(|listeners| {
        let Some((start, states)) = node.start_and_states() else { return };
        let name = start.name.event(Phase::Start);
        let event = Event::of_span(&name, start, Moment::Start);
        let around = around.as_deref().and_then(Node::states);
        states.start(&telemetry, listeners, around, &event);
    });
    if told.is_none() {
        node.drop_states();
    }
    node.telemetry = telemetry;
    node.put_inside(around);
}

/// What a span is to say, and what listeners capture where it is built.
#[track_caller]
#[inline(never)]
fn draft(name: SpanName, around: Option<&Node>) -> Unshared {
    let mut draft = Node::unsettled(name);
    let here = around.map_or_else(Telemetry::global, |node| node.telemetry.clone());
    if here.follows(EventSet::span(name))
        && let Some(node) = draft.get_mut()
    {
        here.with_listeners(|listeners| {
            let Some((_, states)) = node.start_and_states() else { return };
            states.capture(&here, name, listeners);
        });
    }
    draft
}

/// The context inside a span that nobody observes. Without a listener anywhere it allocates nothing.
#[inline]
fn unobserved(name: SpanName, outer: Context, given_id: Option<RequestId>) -> Context {
    if given_id.is_none() {
        if !outer.has_request() {
            return outer.unread();
        }
        let counts_for_another =
            name.is_call() && outer.node().is_some_and(|node| node.counts_retries().is_some());
        if !counts_for_another {
            return outer;
        }
    }
    let around = if given_id.is_some() { outer.node_of_request() } else { outer.node().cloned() };
    let id = given_id.or_else(|| outer.request_id());
    let place = if name.is_call() { Place::Unobserved(id) } else { Place::Scope(id) };
    Context::of(Node::scope(place, outer.telemetry(), around))
}

fn inherit(start: &mut SpanStart, parent: &SpanStart) {
    start.parent_span_id = Some(parent.span_id);
    if start.engine.is_none() {
        start.engine.clone_from(&parent.engine);
    }
    if let (None, Some(provider)) = (start.provider(), parent.provider()) {
        start.keys.insert("provider", provider.clone());
    }
}

/// Makes the input, if the span was built with a closure for it and a handler of any of its events may see it.
fn fill_input<O: Observer>(start: &mut SpanStart, observer: &mut O, telemetry: &Telemetry) {
    if start.input.is_none() {
        return;
    }
    let phases = [Phase::Start, Phase::FirstChunk, Phase::Stop, Phase::Exception];
    let wanted = phases
        .into_iter()
        .any(|phase| telemetry.content(&start.name.event(phase)).intersects(Content::INPUT));
    let event = start.name.event(Phase::Start);
    if wanted && let Some(Some(input)) = telemetry.observe(&event, "input", || observer.input()) {
        start.input = Some(input);
    }
}
