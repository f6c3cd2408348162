//! What must be true of a life that is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use allm_telemetry::{
    Event, Listener, RequestId, SpanName, Telemetry,
    event::{Outcome, OwnedEvent, Phase},
    testing::Capture,
};

use crate::settings::play;
use crate::specimen::{LOST, life};
use crate::table::{Cell, Fate, Form};

/// Lives one cell of the table and judges it: for handlers, with a listener around each poll as well, and for nobody.
pub(crate) fn live_and_judge(cell: Cell) {
    let seen = Capture::new();
    judge_events(cell, &seen, &live_in(cell, Some(seen.telemetry())));

    let (seen, states) = (Capture::new(), Arc::new(AtomicUsize::new(0)));
    seen.telemetry().listen("around", Around(states.clone())).unwrap();
    judge_events(cell, &seen, &live_in(cell, Some(seen.telemetry())));
    assert_eq!(states.load(Ordering::SeqCst), 0, "what a listener keeps goes with its span");
    assert_eq!(seen.telemetry().list_handlers("allm.tool.stop").len(), 2, "nobody failed");

    let polls = live_in(cell, None);
    let one_id = |polls: &[Option<RequestId>]| polls.iter().all(|id| id.is_some() && *id == polls[0]);
    assert!(one_id(&polls), "an unobserved span has its request as well: {polls:?}");
}

/// Lives one cell and judges all but its events: gives the request ids that its polls saw.
fn live_in(cell: Cell, telemetry: Option<&Telemetry>) -> Vec<Option<RequestId>> {
    let (life, gone) = life(cell, telemetry);
    let probe = life.probe.clone();
    play(cell.setting, cell.way, life);
    let gone = gone.recv_timeout(Duration::from_secs(20));
    assert_eq!(gone, Err(RecvTimeoutError::Disconnected), "it is not dropped");
    let left_behind = probe.left_behind.lock().unwrap();
    assert!(left_behind.is_empty(), "a context was left behind: {left_behind:?}");
    let went_on: &[_] = if cell.fate == Fate::Panicked { &[LOST.to_owned()] } else { &[] };
    assert_eq!(*probe.panics.lock().unwrap(), went_on, "the panics that went on");
    let polls = std::mem::take(&mut *probe.polls.lock().unwrap());
    assert_eq!(polls.len() > 1, cell.fate != Fate::NeverPolled, "{polls:?}");
    polls
}

/// Is around every poll, and counts the states that it keeps.
struct Around(Arc<AtomicUsize>);

struct State(Arc<AtomicUsize>);

impl Drop for State {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Listener for Around {
    type Built = ();
    type State = State;
    fn wants_around(&self) -> bool {
        true
    }
    fn wants_chunks(&self) -> bool {
        true
    }
    fn on_build(&self) {}
    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&State>) -> State {
        self.0.fetch_add(1, Ordering::SeqCst);
        State(self.0.clone())
    }
    fn on_end(&self, _: &State, _: &Event<'_>) {}
}

fn judge_events(cell: Cell, capture: &Capture, polls: &[Option<RequestId>]) {
    capture.assert_balanced();
    let events = capture.events();
    let of = |name: SpanName, phases: &[Phase]| -> Vec<usize> {
        let is_one = |event: &OwnedEvent| {
            let event = event.as_event();
            event.span() == Some(name) && event.phase().is_some_and(|phase| phases.contains(&phase))
        };
        (0..events.len()).filter(|place| is_one(&events[*place])).collect()
    };
    let ends = [Phase::Stop, Phase::Exception];
    // The value leaves a span of its own where it is dropped.
    let dropped = of(SpanName::Tool, &ends);
    assert_eq!(dropped.len(), 1, "the value is dropped once: {capture:?}");
    let dropped_in = events[dropped[0]].as_event();

    let (name, outcome) = (span_of(cell), outcome_of(cell));
    let (started, ended) = (of(name, &[Phase::Start]), of(name, &ends));
    let times = usize::from(outcome.is_some());
    assert_eq!((started.len(), ended.len()), (times, times), "starts and ends: {capture:?}");
    let Some(outcome) = outcome else {
        assert_eq!((events.len(), dropped_in.parent_span_id()), (2, None), "nothing ran: {capture:?}");
        return;
    };

    let end = events[ended[0]].as_event();
    assert_eq!(end.outcome(), Some(outcome));
    assert_eq!(end.phase() == Some(Phase::Exception), outcome.is_exception(), "{end:?}");
    let told = |key| end.metadata(key).and_then(|value| value.as_str());
    let kind = match outcome {
        Outcome::Cancelled => Some("cancelled"),
        Outcome::Panicked => Some("panic"),
        _ => None,
    };
    assert_eq!(told("kind"), kind, "the kind of {end:?}");
    let error = match cell.fate {
        Fate::Truncated => "the stream ended before its answer was finished",
        _ => "refused",
    };
    assert_eq!(told("error"), (outcome == Outcome::Error).then_some(error), "the error of {end:?}");
    assert_eq!(told("reason"), (outcome == Outcome::Panicked).then_some(LOST), "the reason of {end:?}");

    // Who drives a span by hand owns the value, and may drop it outside.
    if cell.form != Form::Manual {
        let in_order = started[0] < dropped[0] && dropped[0] < ended[0];
        assert!(in_order, "the value goes before the end: {capture:?}");
        assert_eq!(dropped_in.parent_span_id(), end.span_id(), "it is dropped inside the span");
        assert_eq!(dropped_in.request_id(), end.request_id());
    }
    let inside = |id: &Option<RequestId>| id.as_ref().map(AsRef::as_ref) == end.request_id();
    assert!(polls.iter().all(inside), "it is polled inside the request: {polls:?}");
}

fn span_of(cell: Cell) -> SpanName {
    match cell.form {
        Form::Future | Form::TryFuture => SpanName::Generate,
        Form::Closure => SpanName::Chat,
        Form::Stream | Form::TryStream | Form::Open => SpanName::Stream,
        Form::Manual if cell.fate.has_reader() || cell.fate == Fate::Truncated => SpanName::Stream,
        Form::Manual => SpanName::Generate,
    }
}

/// How it must end; `None` if it must say nothing at all.
fn outcome_of(cell: Cell) -> Option<Outcome> {
    match cell.fate {
        // Of a finished answer nothing is left that the reader would miss.
        Fate::Completed | Fate::FinishedThenDropped => Some(Outcome::Completed),
        // An error weighs more than that the reader left.
        Fate::Error | Fate::ErrorThenDropped | Fate::Truncated => Some(Outcome::Error),
        Fate::Dropped => Some(Outcome::Dropped),
        Fate::Cancelled => Some(Outcome::Cancelled),
        Fate::Panicked => Some(Outcome::Panicked),
        // A stream's span starts where it is wrapped, a future's with its first poll.
        Fate::NeverPolled => cell.form.is_stream().then_some(Outcome::Dropped),
    }
}
