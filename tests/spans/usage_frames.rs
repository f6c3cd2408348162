//! Usage, whatever a provider reports: random facts, in random frames.

use std::collections::BTreeMap;

use crate::support::*;
use allm_telemetry::{
    SpanName, Usage,
    event::{Measurements, Metadata, Value},
    testing::Capture,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

type Set = fn(Usage, u64) -> Usage;

/// Each count that a provider may report; a part inside its whole, and beside it if a provider counts it there.
const COUNTS: &[&[Set]] = &[
    &[Usage::input],
    &[Usage::output],
    &[Usage::cached, Usage::cached_beside],
    &[Usage::cache_write, Usage::cache_write_beside],
    &[Usage::cache_write_5m],
    &[Usage::cache_write_1h],
    &[Usage::reasoning, Usage::reasoning_beside],
    &[Usage::tool_prompt_beside],
    &[Usage::audio_input, Usage::audio_input_beside],
    &[Usage::image_input, Usage::image_input_beside],
    &[Usage::audio_output],
    &[Usage::image_output],
    &[Usage::web_searches],
    &[Usage::billed_input],
    &[Usage::billed_output],
];

/// A number that a provider reports.
#[derive(Clone, Copy, Debug)]
struct Fact {
    /// An index of [`COUNTS`].
    of: usize,
    beside: bool,
    count: u64,
    /// The frame that reports it; frames come in the order of these numbers.
    frame: u8,
}

impl Fact {
    fn set(self, usage: Usage, count: u64) -> Usage {
        let setters = COUNTS[self.of];
        setters[usize::from(self.beside) % setters.len()](usage, count)
    }
}

/// Some of the counts, each once. Small numbers, so that parts are sometimes larger than their whole, and sums meet totals.
fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let fact = |of| {
        let parts = (any::<bool>(), 0..9_u64, 0..4_u8);
        option::weighted(0.6, parts.prop_map(move |(beside, count, frame)| Fact { of, beside, count, frame }))
    };
    let all: Vec<_> = (0..COUNTS.len()).map(fact).collect();
    all.prop_map(|facts| facts.into_iter().flatten().collect())
}

fn total() -> impl Strategy<Value = Option<u64>> {
    option::of(0..40_u64)
}

fn at_once(facts: &[Fact], total: Option<u64>) -> Usage {
    facts.iter().fold(Usage::new(), |usage, fact| fact.set(usage, fact.count)).total(total)
}

/// The parts of each whole, of those that are reported.
fn parts(usage: &Usage) -> Vec<(Option<u64>, Vec<Option<u64>>)> {
    let input = [
        usage.cached_tokens(),
        usage.cache_write_tokens(),
        usage.tool_prompt_tokens(),
        usage.audio_input_tokens(),
        usage.image_input_tokens(),
        usage.cache_write_5m_tokens(),
        usage.cache_write_1h_tokens(),
    ];
    let output = [usage.reasoning_tokens(), usage.audio_output_tokens(), usage.image_output_tokens()];
    let written = [usage.cache_write_5m_tokens(), usage.cache_write_1h_tokens()];
    vec![
        (usage.input_tokens(), input.to_vec()),
        (usage.output_tokens(), output.to_vec()),
        (usage.cache_write_tokens(), written.to_vec()),
    ]
}

proptest! {
    #[test]
    fn the_same_facts_split_over_frames_in_any_way_and_order_are_the_same_usage(
        facts in facts(),
        total in total(),
    ) {
        let mut frames: BTreeMap<u8, Usage> = BTreeMap::new();
        for fact in &facts {
            let frame = frames.entry(fact.frame).or_default();
            *frame = fact.set(frame.clone(), fact.count);
        }
        let mut usage = Usage::new();
        frames.values().for_each(|frame| usage.merge(frame));
        // A total is that of the latest counts, so it comes with them or after them.
        usage.merge(&Usage::new().total(total));
        prop_assert_eq!(usage, at_once(&facts, total));
    }

    #[test]
    fn a_part_never_exceeds_its_whole_and_is_missing_only_with_an_issue(facts in facts(), total in total()) {
        let usage = at_once(&facts, total);
        for (whole, parts) in parts(&usage) {
            let largest = parts.into_iter().flatten().max();
            prop_assert!(whole.is_none() || largest <= whole, "{largest:?} of {whole:?}");
        }
        let known = usage.counts().filter(|(_, count)| count.is_some()).count();
        let reported = facts.len() + usize::from(total.is_some());
        prop_assert!(known >= reported || usage.issue().is_some(), "{known} of {reported} counts are known: {usage}");
    }

    #[test]
    fn a_missing_count_never_erases_one(facts in facts(), total in total()) {
        let usage = at_once(&facts, total);
        let mut later = usage.clone();
        let nothing = |usage, of: &&[Set]| of[0](usage, 0);
        // Each setter once with `None`, as a client that has the fields and not the values.
        later.merge(&Usage::new().input(None::<u64>).output(None::<i32>).cached(None::<u64>).total(None::<u64>));
        later.merge(&Usage::new().reasoning(None::<u64>).cache_write(None::<u64>).cost(None).tier(""));
        prop_assert_eq!(&later, &usage);
        // A later frame that reports other counts only.
        let missing = |of: &usize| !facts.iter().any(|fact| fact.of == *of);
        let others = (0..COUNTS.len()).filter(missing).fold(Usage::new(), |it, of| nothing(it, &COUNTS[of]));
        later.merge(&others);
        let known: Vec<_> = later.counts().collect();
        for (key, count) in usage.counts().filter(|(key, count)| count.is_some() && *key != "total_tokens") {
            let still = known.iter().find(|(it, _)| *it == key).and_then(|(_, count)| *count);
            prop_assert!(still.is_some() || later.issue().is_some(), "{key} was {count:?}");
        }
    }

    #[test]
    fn a_later_value_replaces_an_earlier_one_even_if_it_is_smaller_or_0(
        facts in facts(),
        later in vec(0..9_u64, COUNTS.len()),
    ) {
        let repeated: Vec<Fact> = facts.iter().map(|fact| Fact { count: later[fact.of], ..*fact }).collect();
        let mut usage = at_once(&facts, None);
        usage.merge(&at_once(&repeated, None));
        prop_assert_eq!(usage, at_once(&repeated, None));
    }

    #[test]
    fn the_input_and_output_add_up_to_a_total_that_counts_parts_beside(
        (input, output, cached, written, reasoning, audio) in (1..99_u64, 1..99_u64, 0..99_u64, 0..99_u64, 0..99_u64, 0..99_u64),
        reading in 0..5,
    ) {
        let beside = match reading {
            0 => 0,
            1 => reasoning,
            2 => cached + written,
            3 => reasoning + cached + written,
            _ => audio,
        };
        let usage = Usage::new().input(input).cached(cached).cache_write(written).audio_input(audio);
        let usage = usage.output(output).reasoning(reasoning).total(input + output + beside);
        prop_assert_eq!(usage.input_tokens().zip(usage.output_tokens()).map(|(a, b)| a + b), usage.total_tokens());
    }

    #[test]
    fn a_usage_is_read_back_from_its_map(facts in facts(), total in total(), rest in any::<(bool, bool, bool)>()) {
        let usage = at_once(&facts, total);
        let usage = if rest.0 { usage.estimated() } else { usage };
        let usage = if rest.1 { usage.tier("priority") } else { usage };
        let usage = if rest.2 { usage.cost(0.007) } else { usage };
        let capture = Capture::new();
        let extras = Metadata::new().with("usage", &usage);
        let work = async { ((), Measurements::new(), extras) };
        let span = allm_telemetry::span(SpanName::Generate, Metadata::new(), work);
        futures::executor::block_on(capture.scope(span));
        let stop = end_of(&capture, SpanName::Generate);
        let expected = if facts.is_empty() && total.is_none() && !rest.1 && !rest.2 { Value::Null } else { (&usage).into() };
        prop_assert_eq!(value(&stop, "usage"), expected);
    }
}
