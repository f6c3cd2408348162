//! Which spans count their tokens, so that a sum over spans has each token once.

use std::collections::HashMap;

use allm_telemetry::event::SpanId;
use allm_telemetry::{SpanName, Usage, prelude::*, testing::Capture};
use proptest::prelude::*;

/// A span that reports `tokens`, if it does, and what runs inside it.
#[derive(Clone, Debug)]
struct Work {
    name: SpanName,
    tokens: Option<u64>,
    inside: Vec<Work>,
    /// It ends before what is inside it does.
    ends_first: bool,
}

fn work(name: SpanName, tokens: impl Into<Option<u64>>, inside: impl Into<Vec<Work>>) -> Work {
    Work { name, tokens: tokens.into(), inside: inside.into(), ends_first: false }
}

fn span(name: SpanName) -> Span {
    match name {
        SpanName::Stream => Span::stream(),
        SpanName::Step => Span::step(),
        SpanName::Chat => Span::chat(),
        SpanName::Tool => Span::tool("t", "call_1"),
        SpanName::Embed => Span::embed(1),
        SpanName::Moderate => Span::moderate(1, false),
        SpanName::Retrieve => Span::retrieve("handbook", 3),
        SpanName::Rerank => Span::rerank(3),
        _ => Span::generate(),
    }
}

/// Runs the work; spans that end before what is inside them let their context live on.
fn run(work: &Work) {
    let mut active = span(work.name).start();
    if let Some(tokens) = work.tokens {
        active.record(|record| record.usage(Usage::new().input(tokens)));
    }
    let context = active.context();
    if work.ends_first {
        active.complete();
        context.run(|| work.inside.iter().for_each(run));
    } else {
        active.enter(|| work.inside.iter().for_each(run));
        active.complete();
    }
}

/// The tokens that count, by span name, in the order of the ends.
fn counted(work: &Work) -> Vec<(SpanName, u64)> {
    let capture = Capture::new();
    capture.run(|| run(work));
    capture.assert_balanced();
    let events = capture.events();
    let ends = events.iter().map(|event| event.as_event()).filter(|event| event.counts_usage());
    ends.map(|event| (event.span().unwrap(), event.usage().unwrap().input_tokens().unwrap())).collect()
}

use SpanName::{Chat, Embed, Generate, Moderate, Rerank, Retrieve, Step, Stream, Tool};

#[test]
fn an_embedding_inside_a_generation_counts_beside_it() {
    for inner in [Embed, Moderate, Rerank] {
        assert_eq!(counted(&work(Generate, 1_200, [work(inner, 10, [])])), [(inner, 10), (Generate, 1_200)]);
    }
}

#[test]
fn another_models_call_inside_a_tool_counts_beside_the_call_around_the_tool() {
    let inner = work(Tool, None, [work(Generate, 10, [])]);
    assert_eq!(counted(&work(Generate, 1_200, [inner])), [(Generate, 10), (Generate, 1_200)]);
}

#[test]
fn what_a_retrieval_asks_of_models_counts_and_the_retrieval_itself_has_no_tokens() {
    let retrieval = work(Retrieve, 5, [work(Generate, 10, []), work(Embed, 7, [])]);
    let all = work(Generate, 1_200, [retrieval, work(Rerank, 30, [])]);
    assert_eq!(counted(&all), [(Generate, 10), (Embed, 7), (Rerank, 30), (Generate, 1_200)]);
}

#[test]
fn a_call_that_is_observed_twice_counts_where_it_ends_first() {
    let mut twice = work(Generate, 100, [work(Stream, 100, [])]);
    assert_eq!(counted(&twice), [(Stream, 100)]);
    twice.ends_first = true;
    assert_eq!(counted(&twice), [(Generate, 100)]);
}

#[test]
fn a_call_whose_inner_one_knows_no_tokens_counts_its_own() {
    assert_eq!(counted(&work(Generate, 100, [work(Stream, None, [])])), [(Generate, 100)]);
}

#[test]
fn a_usage_without_input_and_output_reports_no_tokens_and_leaves_them_to_the_span_around_it() {
    let tokens = Usage::new().input(100).output(7);
    let without = Usage::new;
    for inner in
        [without().web_searches(1), without().billed_input(3), without().total(107), without().cached(3)]
    {
        let capture = Capture::new();
        capture.run(|| {
            let mut outer_span = Span::generate().start();
            let mut inner_span = outer_span.enter(|| Span::stream().start());
            inner_span.record(|record| record.usage(inner.clone()));
            inner_span.complete();
            outer_span.record(|record| record.usage(tokens.clone()));
            outer_span.complete();
        });
        let counts = |name| capture.named(name)[0].as_event().counts_usage();
        assert!(!counts("allm.stream.stop"), "{inner} has no tokens");
        assert!(counts("allm.generate.stop"), "the tokens around {inner} are counted");
        assert_eq!(capture.named("allm.stream.stop")[0].as_event().usage(), Some(&inner));
    }
    // A part beside the input is input.
    let capture = Capture::new();
    let mut span = capture.run(|| Span::stream().start());
    span.record(|record| record.usage(without().cached_beside(3)));
    span.complete();
    assert!(capture.named("allm.stream.stop")[0].as_event().counts_usage());
}

#[test]
fn the_total_of_an_agent_counts_if_nothing_inside_it_has() {
    let silent = || work(Step, None, [work(Generate, None, [])]);
    assert_eq!(counted(&work(Chat, 100, [silent()])), [(Chat, 100)]);
    assert_eq!(counted(&work(Chat, 100, [work(Step, 60, []), work(Step, 40, [])])), [(Step, 60), (Step, 40)]);
    assert_eq!(counted(&work(Chat, 100, [silent(), work(Tool, None, [work(Embed, 7, [])])])), [(Embed, 7)]);
}

#[test]
fn the_total_of_an_agent_is_in_its_events() {
    let capture = Capture::new();
    capture.run(|| run(&work(Chat, 100, [work(Step, None, [])])));
    let stop = |name| capture.named(name).remove(0);
    let chat = stop("allm.chat.stop");
    assert_eq!(chat.as_event().metadata("usage").unwrap().to_string(), r#"{"input_tokens": 100}"#);
    assert!(stop("allm.step.stop").as_event().metadata("usage").is_none(), "nothing was recorded there");
}

#[test]
fn spans_of_another_handle_decide_nothing() {
    let (outer, inner) = (Capture::new(), Capture::new());
    outer.run(|| {
        let mut active = Span::generate().start();
        active.record(|record| record.usage(Usage::new().input(1)));
        active.enter(|| inner.run(|| run(&work(Generate, 1, []))));
        active.complete();
    });
    for capture in [outer, inner] {
        assert!(capture.named("allm.generate.stop")[0].as_event().counts_usage());
    }
}

fn any_work() -> impl Strategy<Value = Work> {
    let names = prop::sample::select(vec![Generate, Stream, Step, Chat, Tool, Embed, Moderate, Retrieve]);
    let node = (names, prop::option::of(1_u64..1_000), any::<bool>());
    let leaf = node.clone().prop_map(|(name, tokens, _)| work(name, tokens, []));
    leaf.prop_recursive(5, 24, 4, move |inside| {
        (node.clone(), prop::collection::vec(inside, 0..4)).prop_map(
            |((name, tokens, ends_first), inside)| Work { ends_first, ..work(name, tokens, inside) },
        )
    })
}

/// An end with usage, for a slow and literal reading of the rule.
struct Ended {
    name: SpanName,
    path: Vec<SpanId>,
    counts: bool,
}

/// Whether two spans, `outer` around `inner`, observe the same call.
fn same_call(outer: SpanName, between: &[SpanName], inner: SpanName) -> bool {
    let family = |name| if name == Stream { Generate } else { name };
    let is_call = |name: &SpanName| !matches!(name, Tool | Step | Chat | Retrieve);
    is_call(&outer) && family(outer) == family(inner) && between.iter().all(is_call)
}

proptest! {
    #[test]
    fn each_end_counts_exactly_if_no_other_observation_of_its_call_has(work in any_work()) {
        let capture = Capture::new();
        capture.run(|| run(&work));
        let (mut parents, mut names) = (HashMap::new(), HashMap::new());
        let mut ended: Vec<Ended> = Vec::new();
        for event in capture.events() {
            let event = event.as_event();
            let (id, name) = (event.span_id().unwrap(), event.span().unwrap());
            parents.entry(id).or_insert(event.parent_span_id());
            names.entry(id).or_insert(name);
            if event.outcome().is_none() || event.usage().is_none() {
                prop_assert!(!event.counts_usage());
                continue;
            }
            // The span and those around it, from the inside out.
            let path: Vec<SpanId> = std::iter::successors(Some(id), |id| parents[id]).collect();
            let around = |inner: &Ended| inner.path[1..].contains(&id);
            let is_same = |outer: &Ended, inner: &[SpanId]| {
                let place = inner.iter().position(|it| *it == outer.path[0]);
                place.is_some_and(|place| {
                    let between: Vec<SpanName> = inner[1..place].iter().map(|id| names[id]).collect();
                    same_call(outer.name, &between, names[&inner[0]])
                })
            };
            let counts = match name {
                Tool | Retrieve => false,
                Step | Chat => !ended.iter().any(|inner| inner.counts && around(inner)),
                _ => {
                    let this = Ended { name, path: path.clone(), counts: true };
                    let outer_has = ended.iter().any(|outer| outer.counts && outer.path[0] != id && is_same(outer, &path));
                    let inner_has = ended.iter().any(|inner| inner.counts && around(inner) && is_same(&this, &inner.path));
                    !outer_has && !inner_has
                }
            };
            prop_assert_eq!(event.counts_usage(), counts, "{} in {:?}", name, work);
            ended.push(Ended { name, path, counts });
        }
    }
}
