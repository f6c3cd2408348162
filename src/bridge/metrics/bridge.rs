use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use metrics::{Histogram, Key};

use super::meters::Meters;
use crate::convention::{Convention, SpanKind};
use crate::event::Event;
use crate::registry::Listener;

/// What is attached.
#[derive(Debug)]
pub(super) struct Bridge {
    pub(super) convention: Convention,
    pub(super) meters: Meters,
}

/// What is kept for a span.
#[derive(Debug)]
pub(super) struct State {
    /// Set if the span is a call of a model.
    call: Option<Arc<Call>>,
    /// The nearest call of a model, this span included. It may be gone: then nobody asks any more.
    nearest_call: Weak<Call>,
    gaps: OnceLock<Gaps>,
}

/// A call of a model, as those inside it see it.
#[derive(Debug)]
struct Call {
    /// Tokens were told by a call inside, so this one leaves its own out.
    usage_inside: AtomicBool,
    around: Weak<Call>,
}

/// Where the waits for chunks go, from the first chunk on.
#[derive(Debug)]
struct Gaps {
    key: Key,
    /// Taken with the first wait: who registers a histogram has a series, if an empty one.
    histogram: OnceLock<Histogram>,
    /// The first chunk's own wait is the time to first chunk, or a part of it.
    is_first: AtomicBool,
}

impl Listener for Bridge {
    type Built = ();
    type State = State;

    fn wants_chunks(&self) -> bool {
        true
    }

    fn on_build(&self) {}

    fn on_start(&self, event: &Event<'_>, (): (), parent: Option<&State>) -> State {
        let around = parent.map_or_else(Weak::new, |parent| parent.nearest_call.clone());
        let is_call = event.span().is_some_and(|span| self.convention.kind(span) == SpanKind::Client);
        let call =
            is_call.then(|| Arc::new(Call { usage_inside: AtomicBool::new(false), around: around.clone() }));
        let nearest_call = call.as_ref().map_or(around, Arc::downgrade);
        State { call, nearest_call, gaps: OnceLock::new() }
    }

    fn on_event(&self, state: &State, event: &Event<'_>) {
        if event.span().is_none() {
            return self.measure(event, true);
        }
        let gaps = || {
            let (instrument, labels) = self.convention.chunk_gaps(event)?;
            let key = self.meters.key(instrument, &labels)?;
            Some(Gaps { key, histogram: OnceLock::new(), is_first: AtomicBool::new(true) })
        };
        if let Some(gaps) = gaps() {
            // A stream has one first chunk.
            let _ = state.gaps.set(gaps);
        }
    }

    fn on_chunk(&self, state: &State, gap: Duration) {
        let Some(gaps) = state.gaps.get() else { return };
        if !gaps.is_first.swap(false, Ordering::Relaxed) {
            let histogram = gaps.histogram.get_or_init(|| self.meters.histogram(&gaps.key));
            histogram.record(gap.as_secs_f64());
        }
    }

    fn on_end(&self, state: &State, event: &Event<'_>) {
        let told_inside = state.call.as_ref().is_some_and(|call| call.usage_inside.load(Ordering::Relaxed));
        if let Some(call) = &state.call
            && (told_inside || event.usage().is_some())
            && let Some(around) = call.around.upgrade()
        {
            around.usage_inside.store(true, Ordering::Relaxed);
        }
        self.measure(event, !told_inside);
    }
}

impl Bridge {
    fn measure(&self, event: &Event<'_>, usage: bool) {
        self.convention.measure(event, usage, &mut |instrument, value, labels| {
            self.meters.record(instrument, value, labels);
        });
    }
}
