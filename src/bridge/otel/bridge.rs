use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::Context;
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt as _};

use super::attributes::push;
use super::instruments::{Gaps, Instruments};
use super::remote;
use super::state::{State, at};
use super::teardown::is_alive;
use super::tracer::Tracing;
use crate::convention::{self, Convention};
use crate::event::{Content, Data, Event, Outcome, Phase, TraceParent};
use crate::registry::{Chunk, Listener};

/// The listener that is attached.
pub(super) struct Bridge {
    pub(super) convention: Convention,
    pub(super) tracer: Option<Box<dyn Tracing>>,
    pub(super) instruments: Option<Instruments>,
}

impl Listener for Bridge {
    type Built = Context;
    type State = State;

    fn content(&self) -> Content {
        self.convention.allowed_content()
    }

    fn wants_chunks(&self) -> bool {
        self.instruments.is_some()
    }

    fn wants_around(&self) -> bool {
        self.tracer.is_some()
    }

    fn on_build(&self) -> Context {
        if self.tracer.is_some() && is_alive() { Context::current() } else { Context::new() }
    }

    fn on_start(&self, event: &Event<'_>, built: Context, parent: Option<&State>) -> State {
        let started = match event.data() {
            Data::Span(start, _) => start.system_time,
            Data::Fields { .. } => 0,
        };
        let is_client =
            event.span().is_some_and(|span| self.convention.kind(span) == convention::SpanKind::Client);
        let remote = event.remote_parent();
        let remote_span = remote.map(TraceParent::span_id);
        // If the enclosing span has the same remote parent, this span is nested in it, as any other.
        let remote = remote.filter(|_| parent.is_none_or(|parent| parent.remote_span != remote_span));
        // An OpenTelemetry span of the application is nearer than the remote parent, but that of the enclosing span is not.
        let is_nearest = |context: &Context| {
            is_parent(context)
                && (remote.is_none() || !parent.is_some_and(|parent| parent.has_span_of(context)))
        };
        let here;
        let around = match (remote, parent) {
            _ if is_nearest(&built) => &built,
            (None, Some(parent)) => &parent.context,
            // The outermost span, created outside any OpenTelemetry span. One may have become current since.
            (remote, _) => {
                let now = self.on_build();
                let received = remote.filter(|_| !is_nearest(&now)).map(remote::span_context);
                here = received.map(|received| now.with_remote_span_context(received)).unwrap_or(now);
                &here
            }
        };
        let (context, records) = match self.tracer.as_ref().filter(|_| is_alive()) {
            Some(tracer) => tracer.start(self.span(event, is_client, started), around),
            None => (around.clone(), false),
        };
        State {
            context,
            records,
            remote_span,
            started,
            gaps: const { OnceLock::new() },
            first_chunk_seen: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    fn on_event(&self, state: &State, event: &Event<'_>) {
        let first_chunk = event.phase() == Some(Phase::FirstChunk);
        if let Some(instruments) = &self.instruments {
            if first_chunk {
                state.gaps.get_or_init(|| Gaps::of(&self.convention, event));
            }
            instruments.measure(&self.convention, event);
        }
        if state.records {
            let mut attributes = Vec::new();
            self.convention.event_attributes(event, |key, value| push(&mut attributes, key, value));
            let moment = match first_chunk {
                true => state.after(number(event, "time_to_first_chunk")),
                false => at(number(event, "system_time")),
            };
            let name = event.name().as_str().to_owned();
            state.context.span().add_event_with_timestamp(name, moment, attributes);
        }
    }

    fn on_chunk(&self, state: &State, chunk: &Chunk) {
        if chunk.is_content_free() {
            return;
        }
        let (Some(instruments), Some(Some(gaps))) = (&self.instruments, state.gaps.get()) else { return };
        // The wait for the first chunk is reported as `time_to_first_chunk`, and is not a gap.
        if state.first_chunk_seen.swap(true, Ordering::Relaxed) {
            instruments.gap(&self.convention, gaps, chunk.gap().as_secs_f64());
        }
    }

    fn on_end(&self, state: &State, event: &Event<'_>) {
        if state.records {
            self.end(state, event);
        }
        state.ended.store(true, Ordering::Relaxed);
        if let Some(instruments) = &self.instruments {
            instruments.measure(&self.convention, event);
        }
    }

    fn trace_parent(&self, state: &State) -> Option<TraceParent> {
        remote::trace_parent(state.context.span().span_context())
    }

    fn around(&self, state: &State, _ended: bool, poll: &mut dyn FnMut()) {
        // Even after the end: a background task keeps the span as its parent.
        let _current = is_alive().then(|| state.context.clone().attach());
        poll();
    }
}

impl Bridge {
    fn span(&self, event: &Event<'_>, is_client: bool, started: u64) -> SpanBuilder {
        // Large enough for the attributes of the end, which the SDK appends.
        let mut attributes = Vec::with_capacity(32);
        self.convention.start_attributes(event, |key, value| push(&mut attributes, key, value));
        self.convention.user_attributes(event, |key, value| push(&mut attributes, key.clone(), value));
        let name = Cow::Owned(self.convention.span_name(event).into_owned());
        SpanBuilder::from_name(name)
            .with_kind(if is_client { SpanKind::Client } else { SpanKind::Internal })
            .with_start_time(at(started))
            .with_attributes(attributes)
    }

    fn end(&self, state: &State, event: &Event<'_>) {
        // Before the OpenTelemetry span is locked, because a redactor is user code and may use that span.
        let (mut attributes, mut exception) = (Vec::with_capacity(16), Vec::new());
        self.convention.end_attributes(event, |key, value| push(&mut attributes, key, value));
        self.convention.user_attributes(event, |key, value| push(&mut attributes, key.clone(), value));
        let outcome = event.outcome();
        if outcome == Some(Outcome::Panicked) {
            self.convention.exception_attributes(event, |key, value| push(&mut exception, key, value));
        }
        let ended = state.after(event.duration().map_or(0, |it| it.as_nanos() as u64));
        let span = state.context.span();
        span.set_attributes(attributes);
        if !exception.is_empty() {
            span.add_event_with_timestamp("exception", ended, exception);
        }
        if matches!(outcome, Some(Outcome::Error | Outcome::Panicked)) {
            // The class is an attribute; the text is content.
            let text = self.convention.error_text(event).unwrap_or_default();
            span.set_status(Status::error(text.into_owned()));
        }
        span.end_with_timestamp(ended);
    }
}

/// Returns whether a context determines the parent of a span: it has a span, or suppresses telemetry.
fn is_parent(built: &Context) -> bool {
    built.span().span_context().is_valid() || built.is_telemetry_suppressed()
}

fn number(event: &Event<'_>, measurement: &str) -> u64 {
    event.measurement(measurement).and_then(|value| value.as_u64()).unwrap_or(0)
}
