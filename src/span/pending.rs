use std::mem;
use std::sync::Arc;

use super::active::Active;
use super::observe::Observer;
use crate::context::{Context, Kind, Node};
use crate::event::{Content, Event, Phase, PhaseData, RequestId, RequestIdCell, SpanName, SpanStart};
use crate::registry::{EventSet, Telemetry, anywhere};

/// A span that was built and has not started.
pub(crate) struct PendingSpan {
    /// Where it was built.
    context: Context,
    /// Its node, with what listeners captured where it was built. If such spans were not followed on any handle then, it
    /// has a node only for a request id of its own. A pointer, so that the builder and what it wraps stay small to move.
    draft: Option<Arc<Node>>,
    name: SpanName,
}

/// What became of a span at its first poll.
pub(crate) enum Started {
    Observed(Active),
    /// Nobody observes it: the context inside it.
    Unobserved(Context),
}

impl PendingSpan {
    #[track_caller]
    #[inline]
    pub(crate) fn capture(name: SpanName) -> Self {
        let context = Context::current();
        // Not by `then`: `#[track_caller]` does not pass through closures.
        let draft = if anywhere(EventSet::span(name)) { Some(draft(name, &context)) } else { None };
        Self { context, draft, name }
    }

    pub(crate) fn name(&self) -> SpanName {
        self.name
    }

    /// What the span says at its start, if somebody may be told.
    #[inline]
    pub(crate) fn start_mut(&mut self) -> Option<&mut SpanStart> {
        Arc::get_mut(self.draft.as_mut()?)?.start_mut()
    }

    pub(crate) fn set_request_id(&mut self, id: RequestId) {
        let id = RequestIdCell::Known(id);
        match self.start_mut() {
            Some(start) => start.request_id = Some(id),
            None => {
                let kind = Kind::Unobserved(self.name, Some(id));
                self.draft = Some(Node::new(kind, Telemetry::global(), None));
            }
        }
    }

    /// The context that the span is dropped in if it never starts.
    pub(crate) fn context(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Decides where the span belongs, and starts it if it is observed there.
    #[inline]
    pub(crate) fn start<O: Observer>(&mut self, observer: &mut O) -> Started {
        let moved = self.context.settle();
        if self.draft.is_none() && self.context.node().is_none() {
            // The usual case when nobody listens: everything else is kept out of this path.
            return Started::Unobserved(mem::take(&mut self.context).in_request());
        }
        self.start_with_node(moved, observer)
    }

    #[inline(never)]
    fn start_with_node<O: Observer>(&mut self, moved: bool, observer: &mut O) -> Started {
        let telemetry = self.context.telemetry();
        match self.draft.take() {
            Some(draft) if draft.start().is_some() && telemetry.follows(EventSet::span(self.name)) => {
                Started::Observed(self.start_observed(draft, moved, telemetry, observer))
            }
            draft => {
                let given = draft.as_deref().and_then(Node::request).cloned();
                Started::Unobserved(unobserved(self.name, mem::take(&mut self.context), given))
            }
        }
    }

    fn start_observed<O: Observer>(
        &self,
        mut draft: Arc<Node>,
        moved: bool,
        telemetry: Telemetry,
        observer: &mut O,
    ) -> Active {
        let node = Arc::get_mut(&mut draft).expect("a draft is not shared");
        if moved {
            // What listeners captured belongs to another place.
            node.drop_states();
        }
        if let Some(start) = node.start_mut() {
            let request = start.request_id.take().or_else(|| self.context.request());
            start.request_id = Some(request.unwrap_or_else(RequestIdCell::random));
            if let Some(parent) = self.context.node().and_then(|node| node.nearest_span(&telemetry)) {
                inherit(start, parent);
            }
            fill_input(start, observer, &telemetry);
            let now = telemetry.now();
            start.monotonic_time = now;
            start.system_time = telemetry.system_time(now);
        }
        let parent = self.context.to_node();
        if telemetry.has_listeners() {
            start_listeners(node, parent.as_deref(), &telemetry);
        } else {
            node.drop_states();
        }
        node.telemetry = telemetry;
        node.put_inside(parent);
        Active::begin(draft)
    }
}

/// Calls `on_start` of the listeners, before the node is shared. A listener whose capture panicked is detached by now;
/// one that captured nothing, or in another place, captures here.
#[inline(never)]
fn start_listeners(node: &mut Node, parent: Option<&Node>, telemetry: &Telemetry) {
    let called = telemetry.with_listeners(|listeners| {
        let Some((start, states)) = node.start_and_states() else { return };
        let name = start.name.event(Phase::Start);
        let event = Event::of_span(&name, start, PhaseData::Start);
        states.start(telemetry, listeners, parent.and_then(Node::states), &event);
    });
    if called.is_none() {
        node.drop_states();
    }
}

/// The node of a span that is built here, with what listeners capture here.
#[track_caller]
#[inline(never)]
fn draft(name: SpanName, context: &Context) -> Arc<Node> {
    let mut draft = Node::draft(name);
    let telemetry = context.telemetry();
    if telemetry.follows(EventSet::span(name))
        && let Some(node) = Arc::get_mut(&mut draft)
    {
        telemetry.with_listeners(|listeners| {
            let Some((_, states)) = node.start_and_states() else { return };
            states.capture(&telemetry, name, listeners);
        });
    }
    draft
}

/// The context inside a span that nobody observes. It allocates nothing unless it has a request id of its own, or the span
/// separates what is inside it from an observed call.
fn unobserved(name: SpanName, outer: Context, given: Option<RequestIdCell>) -> Context {
    if given.is_none() && !outer.node().is_some_and(|node| node.needs_boundary(name)) {
        return outer.in_request();
    }
    let kind = Kind::Unobserved(name, given.or_else(|| outer.request()));
    Context::of(Node::new(kind, outer.telemetry(), outer.to_node()))
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
