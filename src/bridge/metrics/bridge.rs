use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use metrics::{Histogram, Key};

use super::meters::Meters;
use crate::convention::Convention;
use crate::event::Event;
use crate::registry::{Chunk, Listener};

/// The listener that is attached.
#[derive(Debug)]
pub(super) struct Bridge {
    pub(super) convention: Convention,
    pub(super) meters: Meters,
}

/// What is kept of a span.
#[derive(Debug)]
pub(super) struct State {
    gaps: OnceLock<Gaps>,
}

/// The histogram of the waits for chunks, known from the first chunk on.
#[derive(Debug)]
struct Gaps {
    key: Key,
    /// Registered with the first wait: a histogram that is registered without a value is shown as an empty series.
    histogram: OnceLock<Histogram>,
    /// Whether the first chunk is still to come. Its wait is part of the time to the first chunk.
    is_first: AtomicBool,
}

impl Listener for Bridge {
    type Built = ();
    type State = State;

    fn wants_chunks(&self) -> bool {
        true
    }

    fn on_build(&self) {}

    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&State>) -> State {
        State { gaps: OnceLock::new() }
    }

    fn on_event(&self, state: &State, event: &Event<'_>) {
        if event.span().is_none() {
            return self.measure(event);
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

    fn on_chunk(&self, state: &State, chunk: &Chunk) {
        if chunk.is_content_free() {
            return;
        }
        let Some(gaps) = state.gaps.get() else { return };
        if !gaps.is_first.swap(false, Ordering::Relaxed) {
            let histogram = gaps.histogram.get_or_init(|| self.meters.histogram(&gaps.key));
            histogram.record(chunk.gap().as_secs_f64());
        }
    }

    fn on_end(&self, _: &State, event: &Event<'_>) {
        self.measure(event);
    }
}

impl Bridge {
    fn measure(&self, event: &Event<'_>) {
        self.convention.measure(event, |instrument, value, labels| {
            self.meters.record(instrument, value, labels);
        });
    }
}
