use std::sync::Arc;

use super::active::Active;
use super::observer::{Input, observe};
use crate::context::{Context, Node, Place, ambient, is_current, is_outside, telemetry};
use crate::event::{Content, Phase, RequestId, RequestIdCell, SpanName, SpanStart, Value};
use crate::registry::{Built, Followed, anywhere};

/// A span that was built and has not started: where it was built, and what it is if anybody may care.
///
/// It settles in place, because moving a context costs more than all that an unobserved span does: what was stored as
/// words is copied as wider registers, and such a copy waits for the stores.
#[derive(Debug)]
pub(crate) struct Unsettled {
    /// Captured at build; once settled, the context inside an unobserved span.
    pub(crate) context: Context,
    /// `None` when nobody listened anywhere at build.
    draft: Option<Draft>,
    given_id: Option<Box<RequestId>>,
    name: SpanName,
}

#[derive(Debug)]
struct Draft {
    // Boxed, so that what a span wraps stays small and a builder is cheap to move.
    start: Box<SpanStart>,
    built: Option<Box<Built>>,
}

impl Unsettled {
    #[track_caller]
    #[inline]
    pub(crate) fn capture(name: SpanName) -> Self {
        let draft = if anywhere(Followed::span(name)) { Some(Draft::new(name)) } else { None };
        Self { context: ambient(), draft, given_id: None, name }
    }

    pub(crate) fn name(&self) -> SpanName {
        self.name
    }

    #[inline]
    pub(crate) fn start_mut(&mut self) -> Option<&mut SpanStart> {
        self.draft.as_mut().map(|draft| &mut *draft.start)
    }

    pub(crate) fn give_request_id(&mut self, id: RequestId) {
        self.given_id = Some(Box::new(id));
    }

    /// Finds out where the span belongs, and starts it if it is observed there; else `context` is the one inside it.
    ///
    /// The captured context counts, unless none was captured or the present one was opened inside it.
    #[inline]
    pub(crate) fn settle<I: Input>(&mut self, input: &mut Option<I>) -> Option<Active> {
        if self.draft.is_none() && self.given_id.is_none() {
            if self.context.is_empty() && is_outside() {
                self.context.begin_request();
                return None;
            }
            if self.context.is_bare_request() && is_current(&self.context) {
                return None;
            }
        }
        self.settle_with_care(input)
    }

    #[inline(never)]
    fn settle_with_care<I: Input>(&mut self, input: &mut Option<I>) -> Option<Active> {
        let captured = std::mem::take(&mut self.context);
        let (outer, elsewhere) = if is_current(&captured) {
            (captured, false)
        } else {
            let here = ambient();
            if captured.is_empty() || here.is_inside(&captured) { (here, true) } else { (captured, false) }
        };
        let given_id = self.given_id.take().map(|id| *id);
        match self.draft.take() {
            Some(draft) if outer.telemetry().follows(Followed::span(self.name)) => {
                Some(draft.start(outer, elsewhere, given_id, input))
            }
            _ => {
                self.context = unobserved(self.name, outer, given_id);
                None
            }
        }
    }
}

/// The context inside a span that nobody observes. Without a listener anywhere it allocates nothing.
#[inline]
fn unobserved(name: SpanName, outer: Context, given_id: Option<RequestId>) -> Context {
    if given_id.is_none() {
        if !outer.has_request() {
            return outer.unread();
        }
        let counts_for_another =
            name.counts_attempts() && outer.node().is_some_and(|node| node.counts_retries().is_some());
        if !counts_for_another {
            return outer;
        }
    }
    let around = if given_id.is_some() { outer.node_of_request() } else { outer.node().cloned() };
    let id = given_id.or_else(|| outer.request_id());
    let place = if name.counts_attempts() { Place::Unobserved(id) } else { Place::Scope(id) };
    Context::of(Arc::new(Node::new(place, outer.telemetry(), around.as_ref())))
}

impl Draft {
    #[track_caller]
    fn new(name: SpanName) -> Self {
        let start = Box::new(SpanStart::new(name));
        let here = telemetry();
        let listeners = if here.follows(Followed::span(name)) { here.listeners() } else { None };
        let built = listeners.map(|listeners| Box::new(Built::capture(&here, name, &listeners)));
        Self { start, built }
    }

    fn start<I: Input>(
        self,
        outer: Context,
        elsewhere: bool,
        given_id: Option<RequestId>,
        input: &mut Option<I>,
    ) -> Active {
        let Self { mut start, built } = self;
        let telemetry = outer.telemetry();
        let name = start.name;
        let replaced = given_id.as_ref().and_then(|_| outer.node_of_request());
        if let Some(id) = given_id.map(RequestIdCell::known).or_else(|| outer.request_id_cell()) {
            start.request_id = id;
        }
        if let Some(parent) = outer.node().and_then(|node| node.nearest_span(&telemetry)) {
            inherit(&mut start, parent);
        }
        fill_input(&mut start, input, &telemetry);
        let now = telemetry.now();
        start.monotonic_time = now;
        start.system_time = telemetry.system_time(now);
        let around = replaced.as_ref().or(outer.node());
        let node = Arc::new(Node::new(Place::Span(start), telemetry, around));
        // What listeners captured at build belongs to the place that counts.
        let built = built.filter(|_| !elsewhere).or_else(|| {
            let listeners = node.telemetry.listeners()?;
            Some(Box::new(Built::capture(&node.telemetry, name, &listeners)))
        });
        Active::begin(node, built, outer.node().and_then(|around| around.states()))
    }
}

fn inherit(start: &mut SpanStart, parent: &SpanStart) {
    start.parent_span_id = Some(parent.span_id);
    if start.engine.is_none() {
        start.engine.clone_from(&parent.engine);
    }
    if let (None, Some(provider)) = (start.provider(), parent.provider()) {
        start.options.insert("provider", provider.clone());
    }
}

/// Makes the input if somebody who may have it gets any event of the span; the key stands if a closure was given.
fn fill_input<I: Input>(
    start: &mut SpanStart,
    input: &mut Option<I>,
    telemetry: &crate::registry::Telemetry,
) {
    if I::GIVEN {
        let phases = [Phase::Start, Phase::FirstChunk, Phase::Stop, Phase::Exception];
        let wanted =
            phases.into_iter().any(|phase| telemetry.content(&start.name.event(phase)).has(Content::INPUT));
        let event = start.name.event(Phase::Start);
        let input = if wanted { input.take() } else { None };
        let made = input.and_then(|input| observe(telemetry, &event, "input", || input.make()));
        start.input = Some(made.unwrap_or(Value::Null));
    }
}
