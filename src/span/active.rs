use std::any::Any;
use std::sync::Arc;

use super::exit::Exit;
use super::observe::Observer;
use super::record::Record;
use super::recording::Recording;
use crate::context::{Context, Node, lend};
use crate::event::{Event, Moment, Phase, SpanEnd, SpanName, SpanStart, StreamTimes};
use crate::registry::ListenerStates;

/// The context of an observed span. Whoever has it must [`end`] the span on every path, its own drop included.
#[derive(Debug)]
pub(crate) struct Active {
    node: Arc<Node>,
    /// The same node, lent to the task while the span is entered.
    lent: Option<Arc<Node>>,
}

impl Active {
    /// Emits the start, inside the span. Its listeners were called before.
    pub(super) fn begin(node: Arc<Node>) -> Self {
        let mut active = Self { lent: Some(node.clone()), node };
        active.enter(|node| {
            if let Some(start) = node.start() {
                let name = start.name.event(Phase::Start);
                node.telemetry.emit(&Event::of_span(&name, start, Moment::Start));
            }
        });
        active
    }

    /// Runs `work` inside the span. It must not panic: the user's code is caught inside.
    #[inline]
    pub(crate) fn enter<R>(&mut self, work: impl FnOnce(&Node) -> R) -> R {
        let _inside = lend(&mut self.lent);
        work(&self.node)
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn start(&self) -> &SpanStart {
        self.node.start().expect("an active span's node is a span")
    }

    /// A copy of the context, to enter it elsewhere.
    pub(crate) fn context(&self) -> Context {
        Context::of(self.node.clone())
    }
}

/// Emits the one end of a span. Called inside it, after what it wraps was dropped, so that spans inside have ended.
pub(crate) fn end<O: Observer>(
    node: &Node,
    mut recording: Recording,
    exit: Exit,
    observer: &mut O,
    response: Option<&dyn Any>,
) {
    recording.end_wait(node);
    // After a panic the values that the observer works with may be half-changed.
    if !matches!(exit, Exit::Panicked(_)) {
        observer.end(&mut Record::new(&mut recording, node, Phase::Stop));
    }
    let Some(start) = node.start() else { return };
    let now = node.telemetry.now();
    let duration = now.since(start.monotonic_time);
    let (outcome, failure) = exit.outcome(recording.failure);
    // A span of the name `stream` has a stream's measurements even if it wraps something else.
    let of_stream = || (start.name == SpanName::Stream).then(StreamTimes::default);
    let stream = recording.stream.map(|stats| stats.times).or_else(of_stream);
    let end = SpanEnd {
        outcome,
        duration,
        monotonic_time: now,
        failure: failure.map(Box::new),
        attempts: node.attempts(),
        stream: stream.map(|times| StreamTimes {
            consumer_time: duration.saturating_sub(times.producer_wait),
            ..times
        }),
        counts_usage: recording.results.usage.is_some() && node.count_usage(),
        results: recording.results,
    };
    let name = start.name.event(if outcome.is_exception() { Phase::Exception } else { Phase::Stop });
    let event = Event::of_span(&name, start, Moment::End(&end)).with_response(response);
    node.end();
    node.telemetry.emit(&event);
    node.telemetry.with_listeners(|listeners| match node.states() {
        Some(states) => states.end(listeners, &event),
        None => ListenerStates::default().end(listeners, &event),
    });
}
