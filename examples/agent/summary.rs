//! The table at the end, computed by handlers from events alone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use allm_telemetry::{Event, SpanName, attach, attach_many, event::Phase, handler::AttachError};

/// Counts what has ended. Its `Display` is the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary(Arc<Mutex<Tally>>);

#[derive(Debug, Default)]
struct Tally {
    /// By the span's index in [`SPANS`] and its outcome.
    rows: BTreeMap<(usize, &'static str), Row>,
    retries: u64,
    handler_failures: u64,
}

#[derive(Debug, Default)]
struct Row {
    durations: Vec<Duration>,
    first_chunks: Vec<Duration>,
    input_tokens: u64,
    output_tokens: u64,
}

/// The spans of this example, outermost first.
const SPANS: [SpanName; 4] = [SpanName::Chat, SpanName::Step, SpanName::Stream, SpanName::Tool];

impl Summary {
    /// Attaches the handlers that count.
    pub(crate) fn attach() -> Result<Self, AttachError> {
        let summary = Self::default();
        let ends = SPANS.iter().flat_map(|span| [span.event(Phase::Stop), span.event(Phase::Exception)]);
        let it = summary.clone();
        attach_many("agent.ends", ends, move |event: &Event<'_>| it.lock().count_end(event))?;
        let it = summary.clone();
        attach("agent.retries", "allm.adapter.retry", move |_: &Event<'_>| it.lock().retries += 1)?;
        let it = summary.clone();
        attach("agent.failures", "telemetry.handler.failure", move |_: &Event<'_>| {
            it.lock().handler_failures += 1
        })?;
        Ok(summary)
    }

    /// The counts are valid even if the lock is poisoned.
    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn count_end(&mut self, event: &Event<'_>) {
        let Some(place) = SPANS.iter().position(|span| event.span() == Some(*span)) else { return };
        let Some((outcome, duration)) = event.outcome().zip(event.duration()) else { return };
        let row = self.rows.entry((place, outcome.as_str())).or_default();
        row.durations.push(duration);
        let first_chunk = event.measurement("time_to_first_chunk").and_then(|value| value.as_u64());
        row.first_chunks.extend(first_chunk.map(Duration::from_nanos));
        if let Some(usage) = event.usage() {
            row.input_tokens += usage.input_tokens().unwrap_or(0);
            row.output_tokens += usage.output_tokens().unwrap_or(0);
        }
    }
}

impl Row {
    /// Output tokens per second of call time, including the wait for the first chunk.
    fn tokens_per_second(&self) -> f64 {
        let seconds: f64 = self.durations.iter().map(Duration::as_secs_f64).sum();
        self.output_tokens as f64 / seconds
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = self.lock();
        writeln!(
            f,
            "{:<7} {:<9} {:>6}  {:>26}  {:>26}  {:>9} {:>7} {:>8}",
            "span",
            "outcome",
            "count",
            "first chunk p50/p95/p99 ms",
            "duration p50/p95/p99 ms",
            "tokens in",
            "out",
            "out/s"
        )?;
        for ((place, outcome), row) in &tally.rows {
            let (first_chunk, duration) = (percentiles(&row.first_chunks), percentiles(&row.durations));
            write!(f, "{:<7} {outcome:<9} {:>6}  ", SPANS[*place], row.durations.len())?;
            write!(f, "{first_chunk:>26}  {duration:>26}")?;
            if row.output_tokens > 0 {
                let speed = row.tokens_per_second();
                write!(f, "  {:>9} {:>7} {speed:>8.1}", row.input_tokens, row.output_tokens)?;
            }
            writeln!(f)?;
        }
        write!(f, "retries {}, handler failures {}", tally.retries, tally.handler_failures)
    }
}

/// The 50th, 95th and 99th percentile by nearest rank: each is a time that was measured.
fn percentiles(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).max(1) - 1);
    let show = |time: &Duration| format!("{:>8.0}", time.as_secs_f64() * 1e3);
    [50, 95, 99].into_iter().filter_map(rank).map(show).collect()
}
