use std::any::Any;
use std::mem;

use super::exit::{Exit, Finish};
use super::observe::Observer;
use super::record::Record;
use super::recording::Recording;
use crate::context::{Counted, Node};
use crate::event::{Event, Outcome, Phase, PhaseData, SpanEnd, SpanName, StreamTimes, Usage};
use crate::registry::ListenerStates;

/// Emits the end event of a span. Called inside the span, after the wrapped value was dropped, so that nested spans have
/// ended.
pub(crate) fn end<O: Observer>(
    node: &Node,
    recording: &mut Recording,
    exit: Exit,
    observer: &mut O,
    response: Option<&dyn Any>,
) {
    recording.end_wait(node);
    // After a panic, data that the closures share with the wrapped code may be inconsistent.
    if !matches!(exit, Exit::Panicked(_)) {
        observer.end(&mut Record::new(recording, node, Phase::Stop));
    }
    let Some(start) = node.start() else { return };
    recording.results.complete();
    // A `stream` span has the measurements of a stream even if it wraps a future.
    let of_stream = || (start.name == SpanName::Stream).then(StreamTimes::default);
    let stream = recording.stream.as_ref().map(|stats| stats.times).or_else(of_stream);
    // A closure that has panicked is not called again, and may have missed the finish.
    let is_expected = start.expects_finish && stream.is_some() && recording.panicked_observers == 0;
    let finish = match (recording.finished, is_expected) {
        (true, _) => Finish::Seen,
        (false, true) => Finish::Missing,
        (false, false) => Finish::NotExpected,
    };
    let now = node.telemetry.now();
    let duration = now.since(start.monotonic_time);
    let ran_to_its_end = matches!(exit, Exit::Completed);
    let (outcome, failure) = exit.outcome(recording.failure.take(), finish);
    let has_tokens = recording.results.usage.as_ref().is_some_and(Usage::has_tokens);
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
        usage_is_final: recording.usage_is_final || (ran_to_its_end && outcome == Outcome::Completed),
        counts_drop: outcome == Outcome::Dropped && node.claim(Counted::Drop),
        counts_usage: has_tokens && node.claim(Counted::Tokens),
        counts_unknown_usage: !has_tokens && node.reports_unknown_usage(),
        counts_cost: recording.results.cost_usd().is_some() && node.claim(Counted::Cost),
        results: mem::take(&mut recording.results),
    };
    let name = start.name.event(if outcome.is_exception() { Phase::Exception } else { Phase::Stop });
    let event = Event::of_span(&name, start, PhaseData::End(&end)).with_response(response);
    // Before handlers run, so that work they start inside the span is known to be late.
    node.mark_ended();
    node.telemetry.emit(&event);
    node.telemetry.with_listeners(|listeners| match node.states() {
        Some(states) => states.end(listeners, &event),
        None => ListenerStates::default().end(listeners, &event),
    });
    // At last, so that a shutdown that sees no open span flushes every end.
    node.telemetry.span_ended(start.name);
}
