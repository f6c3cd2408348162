//! Tokens are counted once, and only those that are known.

use allm_telemetry::{Usage, prelude::*};

use crate::recorded::Recorded;

/// The tokens that were recorded, as `model type count`.
fn tokens(work: impl FnOnce()) -> Vec<String> {
    let recorded = Recorded::new();
    recorded.telemetry.run(work);
    let short = |line: String| {
        let labels = line.split_once("request.model=").unwrap().1;
        labels.replace("gen_ai.token.type=", "").replace('}', "")
    };
    recorded.of("gen_ai.client.token.usage").into_iter().map(short).collect()
}

fn used(input: u64, output: u64) -> Usage {
    Usage::new().input(input).output(output)
}

/// A call that reports usage, if there is any, after what happens inside.
fn call(span: Span, usage: Option<Usage>, inside: impl FnOnce()) {
    let mut span = span.start();
    span.enter(inside);
    span.record(|record| usage.into_iter().for_each(|usage| record.usage(usage)));
    span.complete();
}

fn nothing() {}

#[test]
fn a_call_counts_its_tokens_once_per_type() {
    let cached = used(120, 30).cached(100_u64).reasoning(20_u64);
    let seen = tokens(|| call(Span::generate().model("m"), Some(cached), nothing));
    assert_eq!(seen, ["m input 120", "m output 30"]);
}

#[test]
fn what_is_not_known_is_not_counted_and_0_is() {
    assert_eq!(tokens(|| call(Span::generate().model("m"), None, nothing)), [""; 0]);
    assert_eq!(tokens(|| call(Span::generate().model("m"), Some(Usage::new()), nothing)), [""; 0]);
    let only_output = Some(Usage::new().output(0_u64));
    assert_eq!(tokens(|| call(Span::generate().model("m"), only_output, nothing)), ["m output 0"]);
}

#[test]
fn a_call_that_wraps_a_stream_leaves_the_tokens_to_it() {
    let inner = || call(Span::stream().model("inner"), Some(used(7, 3)), nothing);
    let seen = tokens(|| call(Span::generate().model("outer"), Some(used(7, 3)), inner));
    assert_eq!(seen, ["inner input 7", "inner output 3"]);
}

#[test]
fn a_call_inside_a_tool_of_a_call_is_another_call() {
    let inner = || call(Span::stream().model("inner"), Some(used(7, 3)), nothing);
    let step = || call(Span::step(), None, || call(Span::tool("t", "c"), None, inner));
    let middle = || call(Span::generate().model("middle"), Some(used(8, 4)), step);
    let seen = tokens(|| call(Span::generate().model("outer"), Some(used(8, 4)), middle));
    assert_eq!(seen, ["inner input 7", "inner output 3", "middle input 8", "middle output 4"]);
}

#[test]
fn tokens_told_inside_stay_told_through_a_call_that_knows_none() {
    let inner = || call(Span::stream().model("inner"), Some(used(7, 3)), nothing);
    let middle = || call(Span::generate().model("middle"), None, inner);
    let seen = tokens(|| call(Span::generate().model("outer"), Some(used(7, 3)), middle));
    assert_eq!(seen, ["inner input 7", "inner output 3"]);
}

#[test]
fn a_call_whose_inner_ones_know_nothing_counts_its_own() {
    let inner = || call(Span::stream().model("inner"), None, nothing);
    let seen = tokens(|| call(Span::generate().model("outer"), Some(used(7, 3)), inner));
    assert_eq!(seen, ["outer input 7", "outer output 3"]);
}

#[test]
fn calls_side_by_side_each_count_their_own() {
    let both = || {
        call(Span::generate().model("a"), Some(used(1, 2)), nothing);
        call(Span::embed(1).model("b"), Some(Usage::new().input(4_u64)), nothing);
    };
    let seen = tokens(|| call(Span::chat(), Some(used(9, 9)), both));
    assert_eq!(seen, ["a input 1", "a output 2", "b input 4"]);
}

#[test]
fn a_total_that_only_the_agent_reports_is_counted_and_a_tool_has_no_tokens() {
    let tool = || call(Span::tool("t", "c"), Some(used(7, 3)), nothing);
    let step = || call(Span::step().model("step"), Some(used(7, 3)), tool);
    assert_eq!(
        tokens(|| call(Span::chat().model("chat"), Some(used(9, 9)), step)),
        ["step input 7", "step output 3"]
    );
    assert_eq!(
        tokens(|| call(Span::chat().model("chat"), Some(used(9, 9)), tool)),
        ["chat input 9", "chat output 9"]
    );
}

/// The calls whose usage is unknown, as `provider model count`.
fn unknown(work: impl FnOnce()) -> Vec<String> {
    let recorded = Recorded::new();
    recorded.telemetry.run(work);
    let short = |line: String| line.replace("gen_ai.provider.name=", "").replace("gen_ai.request.model=", "");
    recorded.of("allm.usage.unknown.total").into_iter().map(short).collect()
}

#[test]
fn a_call_whose_usage_is_unknown_is_counted_by_provider_and_model() {
    let seen = unknown(|| {
        call(Span::stream().provider("groq").model("m"), None, nothing);
        call(Span::stream().provider("groq").model("m"), Some(Usage::new().tier("flex")), nothing);
        call(Span::generate().provider("openai").model("m"), None, nothing);
        drop(Span::generate().provider("openai").model("m").start());
        call(Span::embed(1).model("e"), None, nothing);
        // No tokens either.
        call(Span::stream().model("searches"), Some(Usage::new().web_searches(1).billed_input(3)), nothing);
    });
    assert_eq!(seen, ["{_OTHER e} 1", "{_OTHER searches} 1", "{groq m} 2", "{openai m} 2"]);
}

#[test]
fn a_call_with_usage_of_any_kind_and_what_is_no_call_are_not_counted_as_unknown() {
    let seen = unknown(|| {
        call(Span::stream().model("reported"), Some(used(0, 0)), nothing);
        call(Span::stream().model("estimated"), Some(used(7, 3).estimated()), nothing);
        call(Span::chat().model("no call"), None, nothing);
        call(Span::tool("t", "c").model("no call"), None, nothing);
        let mut partial = Span::stream().model("partial").start();
        partial.record(|record| record.usage(Usage::new().input(7)));
        drop(partial);
    });
    assert_eq!(seen, [""; 0]);
}

#[test]
fn of_nested_spans_of_one_call_whose_usage_is_unknown_one_is_counted_and_none_if_one_reports() {
    let inner = || call(Span::stream().model("inner"), Some(used(7, 3)), nothing);
    assert_eq!(unknown(|| call(Span::generate().model("outer"), None, inner)), [""; 0]);
    let unknown_inside = || call(Span::stream().model("inner"), None, nothing);
    assert_eq!(unknown(|| call(Span::generate().model("outer"), None, unknown_inside)), ["{_OTHER inner} 1"]);
    // The outer span has reported the tokens of the call before the inner one ends.
    let late = |outer: Option<Usage>| {
        let mut outer_span = Span::generate().model("outer").start();
        let mut inner = None;
        outer_span.enter(|| inner = Some(Span::stream().model("inner").start()));
        outer_span.record(|record| outer.into_iter().for_each(|usage| record.usage(usage)));
        outer_span.complete();
        inner.into_iter().for_each(|inner| inner.complete());
    };
    assert_eq!(unknown(|| late(Some(used(7, 3)))), [""; 0]);
    let embed = || call(Span::embed(1).model("other call"), Some(used(7, 0)), nothing);
    assert_eq!(unknown(|| call(Span::generate().model("outer"), None, embed)), ["{_OTHER outer} 1"]);
}
