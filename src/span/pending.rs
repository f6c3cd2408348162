use std::mem;
use std::sync::Arc;

use super::active::Active;
use super::observe::Observer;
use crate::context::{Context, Kind, Node, Passed};
use crate::event::{
    Content, Event, Inherited, Key, Phase, PhaseData, RequestId, RequestIdCell, SpanName, SpanStart, Value,
};
use crate::registry::{EventSet, Telemetry, is_observed_anywhere};

/// A span that has not started.
pub(crate) struct PendingSpan {
    /// The context in which it was created.
    context: Context,
    /// Its node, with the `on_build` values of listeners. If nothing was attached for spans of this name on any handle at
    /// creation, it has a node only if a request id or baggage was set. Behind a pointer, to keep the builder and the wrappers small.
    draft: Option<Arc<Node>>,
    name: SpanName,
}

/// The state of a span after its start.
pub(crate) enum Started {
    /// The start event has still to be emitted, inside the span.
    Observed(Active),
    /// The context inside the span.
    Unobserved(Context),
}

impl PendingSpan {
    #[track_caller]
    #[inline]
    pub(crate) fn new(name: SpanName) -> Self {
        let context = Context::current();
        // Not with `bool::then`, because `#[track_caller]` does not pass through closures.
        let draft =
            if is_observed_anywhere(EventSet::span(name)) { Some(draft(name, &context)) } else { None };
        Self { context, draft, name }
    }

    pub(crate) fn name(&self) -> SpanName {
        self.name
    }

    /// Returns the data of the start, if the span may be observed.
    #[inline]
    pub(crate) fn start_mut(&mut self) -> Option<&mut SpanStart> {
        Arc::get_mut(self.draft.as_mut()?)?.start_mut()
    }

    pub(crate) fn set_request_id(&mut self, id: RequestId) {
        if let Some(node) = self.node_mut() {
            *node.passed_mut().0 = Some(RequestIdCell::Known(id));
        }
    }

    pub(crate) fn add_baggage(&mut self, key: Key, value: Value) {
        if let Some(node) = self.node_mut() {
            Inherited::add_baggage(node.passed_mut().1, key, value);
        }
    }

    /// Returns the node for what nested spans inherit even if the span is not observed. One that is created here is
    /// replaced at the start.
    fn node_mut(&mut self) -> Option<&mut Node> {
        let unobserved = || Kind::Unobserved(self.name, Passed::default());
        let draft = self.draft.get_or_insert_with(|| Node::new(unobserved(), Telemetry::global(), None));
        Arc::get_mut(draft)
    }

    /// Returns the context in which the wrapped value is dropped if the span never starts.
    pub(crate) fn context(&mut self) -> &mut Context {
        &mut self.context
    }

    /// Settles the context, and starts the span if it is observed in it.
    #[inline]
    pub(crate) fn start<O: Observer>(&mut self, observer: &mut O) -> Started {
        let moved = self.context.settle();
        if self.draft.is_none() && self.context.node().is_none() {
            // The fast path of unobserved spans. Everything else is in a function that is not inlined.
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
                // A draft may be left if its handle is not this one, or if everything was detached since. Its drop drops the
                // `on_build` values, as user code.
                let request = draft.as_deref().and_then(Node::request).cloned();
                let inherited = draft.as_deref().and_then(Node::inherited).cloned();
                let given = Passed { request, inherited };
                Started::Unobserved(unobserved(self.name, mem::take(&mut self.context), given))
            }
        }
    }

    fn start_observed<O: Observer>(
        &mut self,
        mut draft: Arc<Node>,
        moved: bool,
        telemetry: Telemetry,
        observer: &mut O,
    ) -> Active {
        let node = Arc::get_mut(&mut draft).expect("the node is unique before the start");
        if moved {
            // The `on_build` values belong to a different context. Listeners are called again for this one.
            node.drop_states();
        }
        if let Some(start) = node.start_mut() {
            let request = || self.context.request().unwrap_or_else(RequestIdCell::random);
            start.request_id.get_or_insert_with(request);
            if let Some(outer) = self.context.inherited() {
                start.inherited = Inherited::nest(Some(outer), start.inherited.take());
            }
            let parent = self.context.node().and_then(|node| node.nearest_span(&telemetry));
            if let Some(parent) = parent {
                inherit_keys(start, parent);
            }
            // The input closure is user code. It runs before the clock is read, so the duration does not include it.
            fill_input(start, observer, &telemetry);
            let now = telemetry.now();
            start.monotonic_time = now;
            start.system_time =
                parent.map_or_else(|| telemetry.system_time(now), |parent| parent.system_time_at(now));
        }
        let parent = mem::take(&mut self.context).into_node();
        if telemetry.has_listeners() || node.states().is_some() {
            start_listeners(node, parent.as_deref(), &telemetry);
        }
        node.telemetry = telemetry;
        node.put_inside(parent);
        Active::new(draft)
    }
}

/// Calls `on_start` of the listeners, before the node is shared. Before that, `on_build` of listeners without a value:
/// those that were attached since, or all if the context has changed.
#[inline(never)]
fn start_listeners(node: &mut Node, parent: Option<&Node>, telemetry: &Telemetry) {
    let called = telemetry.with_listeners(|listeners| {
        let Some((start, states)) = node.start_and_states() else { return };
        let name = start.name.event(Phase::Start);
        let event = Event::of_span(&name, start, PhaseData::Start);
        states.start(telemetry, listeners, parent.and_then(Node::states), &event);
    });
    // The last listener was detached meanwhile.
    if called.is_none() {
        node.drop_states();
    }
}

/// Creates the node of a span, and calls `on_build` of the listeners.
#[track_caller]
#[inline(never)]
fn draft(name: SpanName, context: &Context) -> Arc<Node> {
    let mut draft = Node::draft(name);
    let telemetry = context.telemetry();
    if telemetry.has_listeners()
        && telemetry.follows(EventSet::span(name))
        && let Some(node) = Arc::get_mut(&mut draft)
    {
        telemetry.with_listeners(|listeners| {
            let Some((_, states)) = node.start_and_states() else { return };
            states.build(&telemetry, name, listeners);
        });
    }
    draft
}

/// Returns the context inside an unobserved span. It allocates a node only if the span has its own request id or baggage, or
/// separates nested spans from an observed call.
fn unobserved(name: SpanName, outer: Context, given: Passed) -> Context {
    let has_own = given.request.is_some() || given.inherited.is_some();
    if !has_own && !outer.node().is_some_and(|node| node.needs_boundary(name)) {
        return outer.in_request();
    }
    // An outermost span begins a request, even if it only adds baggage.
    let request = given.request.or_else(|| outer.request()).unwrap_or_else(RequestIdCell::random);
    let inherited = Inherited::nest(outer.inherited(), given.inherited);
    let kind = Kind::Unobserved(name, Passed { request: Some(request), inherited });
    Context::of(Node::new(kind, outer.telemetry(), outer.into_node()))
}

fn inherit_keys(start: &mut SpanStart, parent: &SpanStart) {
    start.parent_span_id = Some(parent.span_id);
    // Adapters and agents set these on the outermost span only.
    if start.engine.is_none() {
        start.engine.clone_from(&parent.engine);
    }
    // Most spans have few keys or none, so each is looked at once.
    for (key, value) in parent.keys.entries() {
        let is_inherited = matches!(&**key, "provider" | "agent_name" | "conversation_id");
        if is_inherited && start.keys.get(key).is_none() {
            start.keys.insert(key.clone(), value.clone());
        }
    }
}

/// Calls the input closure, if there is one and a handler may receive the input.
fn fill_input<O: Observer>(start: &mut SpanStart, observer: &mut O, telemetry: &Telemetry) {
    if start.optional.input.is_none() {
        return;
    }
    // All events of a span have its start keys, so a handler of any of them may receive the input.
    let phases = [Phase::Start, Phase::FirstChunk, Phase::Stop, Phase::Exception];
    let wanted = phases
        .into_iter()
        .any(|phase| telemetry.content(&start.name.event(phase)).intersects(Content::INPUT));
    let event = start.name.event(Phase::Start);
    // The outer `None` means that the closure panicked, the inner one that there is none.
    if wanted && let Some(Some(input)) = telemetry.observe(&event, "input", || observer.input()) {
        start.optional.input = Some(input);
    }
}
