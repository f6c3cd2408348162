use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;

use crate::context::InContext;
use crate::event::{Event, EventName, Outcome, OwnedEvent, Phase, SpanId, SpanName, ValueRef};
use crate::registry::{AttachError, Telemetry};

/// Keeps every event of the catalogue that is emitted in its scope.
///
/// A scope is a task and what it spawns with context. Tests with a capture each can run in parallel.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{prelude::*, testing::Capture, event::Outcome};
///
/// async fn answer() -> Result<u8, std::num::ParseIntError> {
///     async { "42".parse() }.in_span(Span::generate().model("gpt-5")).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let capture = Capture::new();
/// capture.scope(answer()).await.unwrap();
///
/// capture.assert_balanced();
/// capture.assert_outcome(SpanName::Generate, Outcome::Completed);
/// let stop = &capture.named("allm.generate.stop")[0];
/// assert_eq!(stop.as_event().metadata("model").unwrap().as_str(), Some("gpt-5"));
/// # }
/// ```
#[derive(Clone)]
pub struct Capture {
    telemetry: Telemetry,
    /// The events so far. [`Capture::wait_for`] watches them.
    seen: watch::Sender<Vec<OwnedEvent>>,
}

/// The error of [`Capture::wait_for`]: no such event came in time.
#[derive(Clone, Debug)]
pub struct TimedOut {
    event: String,
    waited: Duration,
    seen: Vec<EventName>,
}

impl Capture {
    const ID: &'static str = "allm_telemetry::testing::Capture";

    /// Creates a capture with a [`Telemetry`] of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::on(Telemetry::new()).expect("a new handle has no handlers")
    }

    /// Attaches a capture to a [`Telemetry`], such as one with a clock of your own.
    ///
    /// # Errors
    ///
    /// [`AttachError::AlreadyExists`] if it has a capture already.
    pub fn on(telemetry: Telemetry) -> Result<Self, AttachError> {
        let seen: watch::Sender<Vec<OwnedEvent>> = watch::Sender::default();
        let keep = seen.clone();
        telemetry.attach_many(Self::ID, EventName::catalogue(), move |event| {
            // Copied before the events are locked.
            let event = event.to_owned();
            keep.send_modify(|seen| seen.push(event));
        })?;
        Ok(Self { telemetry, seen })
    }

    /// Returns the handle that the scope emits to, for handlers of your own.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Wraps a future whose events are kept.
    pub fn scope<F: Future>(&self, future: F) -> InContext<F> {
        self.telemetry.scope(future)
    }

    /// Runs a closure whose events are kept.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.telemetry.run(work)
    }

    /// Returns all events so far, in order.
    #[must_use]
    pub fn events(&self) -> Vec<OwnedEvent> {
        self.seen.borrow().clone()
    }

    /// Returns the events with this name, in order.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<OwnedEvent> {
        self.filtered(|event| event.as_event().name().as_str() == name)
    }

    /// Returns the events of one request, in order.
    #[must_use]
    pub fn of_request(&self, id: impl AsRef<str>) -> Vec<OwnedEvent> {
        self.filtered(|event| event.as_event().request_id() == Some(id.as_ref()))
    }

    /// Waits for an event by its name, or returns the first if there are some already. With tokio's clock paused, the
    /// deadline passes at once when nothing else is left to do.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] if it was not emitted by then; its text lists what was.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its time driver.
    pub async fn wait_for(&self, name: &str, deadline: Duration) -> Result<OwnedEvent, TimedOut> {
        let mut seen = self.seen.subscribe();
        let is_it = |event: &OwnedEvent| event.as_event().name().as_str() == name;
        let found = async {
            // The sender is in this capture, so the channel is not closed.
            let seen = seen.wait_for(|seen| seen.iter().any(is_it)).await.ok()?;
            seen.iter().find(|event| is_it(event)).cloned()
        };
        let found = tokio::time::timeout(deadline, found).await.ok().flatten();
        found.ok_or_else(|| TimedOut {
            event: name.to_owned(),
            waited: deadline,
            seen: self.events().iter().map(|event| event.as_event().name().clone()).collect(),
        })
    }

    /// Asserts that there are spans, and that each of them started once and ended once.
    ///
    /// # Panics
    ///
    /// If not; the message names the spans. It also panics if there are none: then the code under test ran outside the
    /// scope of this capture, or it has no spans.
    #[track_caller]
    pub fn assert_balanced(&self) {
        let mut spans: HashMap<SpanId, (SpanName, u32, u32)> = HashMap::new();
        for owned in self.events() {
            let event = owned.as_event();
            let (Some(id), Some(name), Some(phase)) = (event.span_id(), event.span(), event.phase()) else {
                continue;
            };
            let counts = spans.entry(id).or_insert((name, 0, 0));
            match phase {
                Phase::Start => counts.1 += 1,
                Phase::Stop | Phase::Exception => counts.2 += 1,
                Phase::FirstChunk => {}
            }
        }
        assert!(!spans.is_empty(), "no span was captured: did it run in the scope of this capture?");
        let wrong = spans.into_iter().filter(|(_, (_, starts, ends))| (*starts, *ends) != (1, 1));
        let mut lines: Vec<String> = wrong
            .map(|(id, (name, starts, ends))| {
                format!("{name} {id}: started {starts} times, ended {ends} times")
            })
            .collect();
        lines.sort();
        assert!(lines.is_empty(), "spans that did not start and end once:\n{}", lines.join("\n"));
    }

    /// Asserts that there are ended spans of this name, and that all of them ended like this.
    ///
    /// # Panics
    ///
    /// If not; the message names those that ended otherwise, and says how.
    #[track_caller]
    pub fn assert_outcome(&self, span: SpanName, outcome: Outcome) {
        let ends = self
            .filtered(|event| event.as_event().span() == Some(span) && event.as_event().outcome().is_some());
        assert!(!ends.is_empty(), "expected every {span} span to end as {outcome}, but none has ended");
        let others = ends.iter().filter(|end| end.as_event().outcome() != Some(outcome));
        let lines: Vec<String> = others.map(|end| describe_end(&end.as_event())).collect();
        assert!(
            lines.is_empty(),
            "expected every {span} span to end as {outcome}, but {} of {} did not:\n{}",
            lines.len(),
            ends.len(),
            lines.join("\n")
        );
    }

    fn filtered(&self, keep: impl Fn(&OwnedEvent) -> bool) -> Vec<OwnedEvent> {
        self.seen.borrow().iter().filter(|event| keep(event)).cloned().collect()
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self::new()
    }
}

/// How a span ended, such as `tool search 8f14e45fceea167a: error std::io::error::Error`.
fn describe_end(end: &Event<'_>) -> String {
    let keys = ["tool_name", "model", "span_id", "outcome", "error_type"];
    let [tool, model, id, outcome, error_type] = keys.map(|key| end.metadata(key).filter(|it| !it.is_null()));
    // The class of a cancellation or a panic repeats its outcome.
    let error_type = error_type.filter(|_| end.outcome() == Some(Outcome::Error));
    let name = end.span().map_or("", SpanName::as_str);
    let spaced = |value: Option<ValueRef<'_>>| value.map(|it| format!(" {it}")).unwrap_or_default();
    let (about, id) = (spaced(tool.or(model)), spaced(id));
    format!("{name}{about}{id}:{}{}", spaced(outcome), spaced(error_type))
}

/// One line per event, with its outcome.
impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.events();
        let lines = lines.iter().map(|event| {
            let event = event.as_event();
            let outcome = event.metadata("outcome").unwrap_or(ValueRef::Null);
            format!("{} {outcome}", event.name())
        });
        f.debug_list().entries(lines).finish()
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {:?} within {:?}; seen: ", self.event, self.waited)?;
        f.debug_list().entries(self.seen.iter().map(EventName::as_str)).finish()
    }
}

impl std::error::Error for TimedOut {}
