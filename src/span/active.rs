use std::any::Any;
use std::sync::Arc;

use super::judge::Fault;
use super::observer::observe;
use super::stream_stats::describe_inside;
use crate::context::{Context, Lent, Node, around, lend};
use crate::event::{
    Event, EventName, Key, Moment, Outcome, Phase, Rare, Results, SpanEnd, SpanName, SpanStart, Trouble,
};
use crate::event::{StreamTimes, Time};
use crate::registry::{Caught, ListenerStates};

/// A span that has started and is observed: an armed guard that ends once.
///
/// What wears it must call [`end`](Self::end) on every path, its own drop included.
#[derive(Debug)]
pub(crate) struct Active {
    node: Arc<Node>,
    /// The same node, to be lent to the thread around polls. Two pointers are all there is, so that an active span is
    /// moved in registers.
    lent: Option<Arc<Node>>,
}

/// How a span ends.
#[derive(Debug)]
pub(crate) struct Ending {
    outcome: Outcome,
    trouble: Rare<Trouble>,
}

impl Ending {
    /// It ran to its end, or observers and items said that it failed.
    pub(crate) fn of(fault: Option<Fault>) -> Self {
        Self::or(Outcome::Completed, fault)
    }

    /// The reader left; an error that came before weighs more.
    pub(crate) fn dropped(fault: Option<Fault>) -> Self {
        Self::or(Outcome::Dropped, fault)
    }

    pub(crate) fn cancelled() -> Self {
        Self { outcome: Outcome::Cancelled, trouble: Rare::empty() }
    }

    pub(crate) fn panicked(message: impl Into<Key>, stacktrace: impl Into<Key>) -> Self {
        let mut trouble = Rare::<Trouble>::empty();
        trouble.text = Some(message.into());
        trouble.stacktrace = Some(stacktrace.into());
        Self { outcome: Outcome::Panicked, trouble }
    }

    #[inline]
    fn or(outcome: Outcome, fault: Option<Fault>) -> Self {
        let mut trouble = Rare::<Trouble>::empty();
        let Some(Fault { error_type, text }) = fault else { return Self { outcome, trouble } };
        trouble.text = text;
        trouble.error_type = Some(error_type);
        Self { outcome: Outcome::Error, trouble }
    }
}

impl Active {
    /// Tells the handlers, inside the span, that it starts. Its listeners know.
    pub(super) fn begin(node: Arc<Node>) -> Self {
        let mut active = Self { lent: Some(node.clone()), node };
        active.enter_quietly(|node| {
            if let Some(start) = node.start() {
                let name = start.name.event(Phase::Start);
                node.telemetry.emit(&Event::of_span(&name, start, Moment::Start));
            }
        });
        active
    }

    /// Enters the span as long as the guard lives.
    #[inline]
    pub(crate) fn inside(&mut self) -> (&Node, Lent<'_>) {
        (&self.node, lend(&mut self.lent))
    }

    /// Runs a poll of what the span wraps, or its drop, with the listeners around it that want to be. It must not panic:
    /// what may is fenced by who calls this.
    #[inline]
    pub(crate) fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let (node, _inside) = self.inside();
        around(node, work)
    }

    /// Runs our own code inside the span.
    #[inline]
    pub(crate) fn enter_quietly<R>(&mut self, work: impl FnOnce(&Node) -> R) -> R {
        let (node, _inside) = self.inside();
        work(node)
    }

    /// Calls an observer inside the span; `None` if it panicked.
    #[inline]
    pub(crate) fn observe<R>(&mut self, phase: Phase, id: &str, call: impl FnOnce(&Node) -> R) -> Option<R> {
        let name = self.name();
        self.enter_quietly(|node| observe(&node.telemetry, &name.event(phase), id, || call(node)))
    }

    /// What to tell of an error.
    pub(crate) fn describe(&mut self, describe: impl FnOnce(bool) -> Fault) -> Fault {
        self.enter_quietly(|node| describe_inside(node, describe))
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// A copy of the context, to enter it elsewhere.
    pub(crate) fn context(&self) -> Context {
        Context::of(self.node.clone())
    }

    pub(crate) fn name(&self) -> SpanName {
        self.start().name
    }

    pub(crate) fn start(&self) -> &SpanStart {
        self.node.start().expect("an active span's node is a span")
    }

    #[inline]
    pub(crate) fn now(&self) -> Time {
        self.node.telemetry.now()
    }

    /// The ending after a panic, its stack trace included.
    pub(crate) fn panicked(&self, caught: &Caught) -> Ending {
        Ending::panicked(caught.message().to_owned(), caught.stacktrace(self.start().built_at))
    }

    /// Emits the one end of the span. What the caller wraps was dropped before, so the children have ended.
    pub(crate) fn end(
        mut self,
        ending: Ending,
        stream: Option<StreamTimes>,
        results: Rare<Results>,
        response: Option<&dyn Any>,
    ) {
        let now = self.now();
        let node = &self.node;
        let Some(start) = node.start() else { return };
        let duration = now.since(start.monotonic_time);
        let stream = stream.or_else(|| (start.name == SpanName::Stream).then(StreamTimes::default));
        let end = SpanEnd {
            outcome: ending.outcome,
            duration,
            monotonic_time: now,
            trouble: ending.trouble,
            attempts: node.attempts(),
            stream: stream.map(|times| StreamTimes {
                consumer_time: duration.saturating_sub(times.producer_wait),
                ..times
            }),
            counts_usage: results.usage.is_some() && node.count_usage(),
            results,
        };
        let phase = if end.outcome.is_exception() { Phase::Exception } else { Phase::Stop };
        let name: EventName = start.name.event(phase);
        let event = Event::of_span(&name, start, Moment::End(&end)).with_response(response);
        node.end();
        let inside = lend(&mut self.lent);
        node.telemetry.emit(&event);
        drop(inside);
        node.telemetry.with_listeners(|listeners| match node.states() {
            Some(states) => states.end(listeners, &event),
            None => ListenerStates::default().end(listeners, &event),
        });
    }
}
