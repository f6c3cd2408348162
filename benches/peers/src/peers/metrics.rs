//! metrics: no spans, so a counter and a histogram of durations around the work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    counter, histogram, set_global_recorder,
};

use super::{Contender, Peer, Role};
use crate::row::{Listening, Row};
use crate::shape::Case;
use crate::tally::{Fan, handlers};
use crate::work::{Items, Work};

pub(super) const CONTENDER: Contender = Contender {
    name: "metrics",
    role: Role::LessWork,
    note: "a counter and a histogram with labels at the end; no start, span, id or stream items",
    case,
};

fn case(row: &Row) -> Option<Case> {
    if row.is_stream() || row.reads_id() || row.listening == Listening::ToolStop {
        return None;
    }
    if row.listening != Listening::Nobody {
        let recorder = Trivial(Arc::new(Tally(Fan::new(row.listening))));
        set_global_recorder(recorder).map_err(|_| "set").expect("the first recorder of this process");
    }
    Some(Case::new(Metrics, row, 2 * row.spans() * handlers(row.listening)))
}

/// Gives out the same instrument for every key.
struct Trivial(Arc<Tally>);

struct Tally(Fan);

impl Recorder for Trivial {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.0.clone())
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.0.clone())
    }
}

impl CounterFn for Tally {
    fn increment(&self, _: u64) {
        self.0.tell(None);
    }

    fn absolute(&self, _: u64) {}
}

impl HistogramFn for Tally {
    fn record(&self, seconds: f64) {
        self.0.tell(Some(Duration::from_secs_f64(seconds)));
    }
}

struct Metrics;

impl Peer for Metrics {
    fn read() {}

    #[inline(always)]
    fn generate(&self, work: impl Work) -> impl Work {
        async move {
            let start = Instant::now();
            let output = work.await;
            counter!("generate_total", "engine" => "openai", "model" => "gpt-5").increment(1);
            histogram!("generate_seconds", "engine" => "openai", "model" => "gpt-5").record(start.elapsed());
            output
        }
    }

    #[inline(always)]
    fn owned(&self, model: String, work: impl Work) -> impl Work {
        async move {
            let start = Instant::now();
            let output = work.await;
            counter!("generate_total", "engine" => "openai", "model" => model.clone()).increment(1);
            histogram!("generate_seconds", "engine" => "openai", "model" => model).record(start.elapsed());
            output
        }
    }

    #[inline(always)]
    fn chat(&self, work: impl Work) -> impl Work {
        async move {
            let start = Instant::now();
            let output = work.await;
            counter!("chat_total", "engine" => "openai", "model" => "gpt-5").increment(1);
            histogram!("chat_seconds", "engine" => "openai", "model" => "gpt-5").record(start.elapsed());
            output
        }
    }

    #[inline(always)]
    fn step(&self, work: impl Work) -> impl Work {
        async move {
            let start = Instant::now();
            let output = work.await;
            counter!("step_total").increment(1);
            histogram!("step_seconds").record(start.elapsed());
            output
        }
    }

    #[inline(always)]
    fn tool(&self, work: impl Work) -> impl Work {
        async move {
            let start = Instant::now();
            let output = work.await;
            counter!("tool_total", "tool_name" => "search").increment(1);
            histogram!("tool_seconds", "tool_name" => "search").record(start.elapsed());
            output
        }
    }

    #[inline(always)]
    fn stream(&self, items: impl Items) -> impl Items {
        items
    }
}
