//! The state machine of spans against a small model in plain Rust: random programs of nested futures and streams that
//! are polled, dropped, fail and panic, on changing threads. The model knows DESIGN's table; the events must be its log.

use allm_telemetry::{Phase, testing::Capture};
use proptest::prelude::*;

use log::{Entry, What};
use program::{Op, programs};

mod log;
mod program;
mod real;
mod sim;

/// What the capture saw, in the model's words.
fn seen(capture: &Capture) -> Vec<Entry> {
    let events = capture.events();
    let node_of = |id: Option<allm_telemetry::SpanId>| {
        let of = events.iter().find(|it| id.is_some() && it.as_event().span_id() == id)?;
        of.as_event().metadata("node")?.as_u64()
    };
    let entry = |owned: &allm_telemetry::OwnedEvent| {
        let event = owned.as_event();
        let what = match event.phase().expect("an event of a span") {
            Phase::Start => What::Start { parent: node_of(event.parent_span_id()) },
            Phase::FirstChunk => What::FirstChunk,
            Phase::Stop | Phase::Exception => What::End {
                outcome: event.outcome().expect("an end"),
                chunks: event.measurement("chunk_count").and_then(|count| count.as_u64()),
            },
        };
        Entry {
            node: event.metadata("node").and_then(|node| node.as_u64()).expect("every node is named"),
            what,
        }
    };
    events.iter().map(entry).collect()
}

/// Each outermost span has a request id of its own, and all inside it have the same.
fn assert_request_ids_fit(capture: &Capture) {
    let mut of_roots = std::collections::HashSet::new();
    for start in capture.events().iter().filter(|it| it.as_event().phase() == Some(Phase::Start)) {
        let (event, id) = (start.as_event(), start.as_event().request_id().unwrap().to_owned());
        if event.parent_span_id().is_none() {
            assert!(of_roots.insert(id), "two requests share an id");
        } else {
            assert!(of_roots.contains(&id), "a child belongs to no request");
            let parent =
                capture.of_request(&id).iter().any(|it| it.as_event().span_id() == event.parent_span_id());
            assert!(parent, "a child has another id than its parent");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_events_of_any_program_are_those_of_the_model(program in programs(), polls in 0_u8..12, hops in any::<bool>()) {
        let expected = sim::run(&program, polls);
        let capture = Capture::new();
        real::run(&capture, &program, polls, hops);
        prop_assert_eq!(seen(&capture), expected);
        capture.assert_balanced();
        assert_request_ids_fit(&capture);
    }
}

/// The programs are not trivial: among a few hundred, every outcome and every kind of node occurs.
#[test]
fn the_programs_reach_every_outcome() {
    use allm_telemetry::Outcome::*;
    use proptest::strategy::{Strategy, ValueTree};
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counts = std::collections::HashMap::new();
    for _ in 0..500 {
        let program = programs().new_tree(&mut runner).unwrap().current();
        assert!(program.script.iter().all(|op| matches!(op, Op::Pending | Op::Item(_) | Op::Run { .. })));
        for entry in sim::run(&program, 8) {
            if let What::End { outcome, .. } = entry.what {
                *counts.entry(outcome).or_insert(0) += 1;
            }
        }
    }
    for outcome in [Completed, Error, Dropped, Cancelled, Panicked] {
        assert!(counts.get(&outcome).is_some_and(|count| *count > 50), "{counts:?}");
    }
}
