//! How many values a name may have.

use std::collections::BTreeSet;
use std::thread;

use allm_telemetry::{
    SpanName,
    convention::Convention,
    event::{Outcome, OwnedEvent, Phase},
    prelude::*,
};

use crate::shown::{ended, events, shown};

fn tool(name: String) -> Vec<OwnedEvent> {
    events(|| Span::tool(name, "call").start().complete())
}

fn name(convention: &Convention, tool_name: impl Into<String>) -> String {
    shown(convention, &tool(tool_name.into())).name
}

#[test]
fn the_first_64_values_of_a_key_stand_and_the_rest_is_other_and_counted() {
    let convention = Convention::new();
    for number in 0..64 {
        assert_eq!(name(&convention, format!("tool {number}")), format!("execute_tool tool {number}"));
    }
    assert_eq!(convention.overflow_count(), 0);
    assert_eq!(name(&convention, "one more"), "execute_tool _OTHER");
    assert_eq!(convention.overflow_count(), 1);
    assert_eq!(name(&convention, "tool 0"), "execute_tool tool 0", "what has been seen stays");
    assert_eq!(convention.overflow_count(), 1);
}

#[test]
fn a_value_that_is_other_counts_once_however_often_it_is_seen_and_in_however_many_places() {
    let convention = Convention::new().max_values(1).labels(["tenant"]);
    let call = |model: &'static str, tenant: &'static str| {
        let call = events(|| Span::generate().model(model).metadata("tenant", tenant).start().complete());
        let end = call.last().unwrap().as_event();
        // Named at its start and its end, and a label of each instrument.
        shown(&convention, &call);
        convention.measure(&end, |_, _, labels| assert!(!labels.is_empty()));
    };
    call("gpt-5", "acme");
    assert_eq!(convention.overflow_count(), 0);
    call("gpt-5-mini", "acme");
    call("gpt-5-mini", "acme");
    assert_eq!(convention.overflow_count(), 1, "one model, seen in two spans");
    call("o9", "acme");
    call("o9", "globex");
    call("gpt-5", "globex");
    assert_eq!(convention.overflow_count(), 3, "another model, and a tenant");
    assert_eq!(convention.clone().overflow_count(), 3);
}

#[test]
fn values_of_two_keys_count_apart_and_one_that_is_too_long_counts_too() {
    let convention = Convention::new().max_values(0);
    assert_eq!(name(&convention, "search"), "execute_tool _OTHER");
    let chat = events(|| Span::chat().agent_name("search").start().complete());
    assert_eq!(shown(&convention, &chat).name, "invoke_agent _OTHER");
    assert_eq!(convention.overflow_count(), 2);
    name(&convention, "x".repeat(257));
    name(&convention, "x".repeat(257));
    assert_eq!(convention.overflow_count(), 3);
}

#[test]
fn the_count_of_values_is_exact_up_to_4096_of_a_key_and_stops_there() {
    let convention = Convention::new().max_values(0);
    let spans = events(|| (0..4_100).for_each(|it| Span::tool(it.to_string(), "").start().complete()));
    let mut seen = BTreeSet::new();
    for span in &spans {
        assert!(convention.span_name(&span.as_event()).ends_with(" _OTHER"));
        seen.insert(convention.overflow_count());
    }
    assert!(seen.into_iter().eq(1..=4_096));
}

#[test]
fn each_key_has_a_bound_of_its_own() {
    let convention = Convention::new().max_values(1);
    assert_eq!(name(&convention, "search"), "execute_tool search");
    let chat = events(|| Span::chat().agent_name("helper").start().complete());
    assert_eq!(shown(&convention, &chat).name, "invoke_agent helper");
    let call = events(|| Span::generate().model("gpt-5").start().error("timeout", ""));
    assert_eq!(shown(&convention, &call).name, "chat gpt-5");
    assert_eq!(shown(&convention, &call).error_type.as_deref(), Some("timeout"));
    assert_eq!(convention.overflow_count(), 0);
}

#[test]
fn attributes_keep_what_was_said_but_the_error_type_is_bounded() {
    let convention = Convention::new().max_values(0);
    let said = shown(&convention, &ended(SpanName::Generate, Outcome::Error));
    assert_eq!(said.name, "chat _OTHER");
    assert_eq!(said.get("gen_ai.request.model"), Some("gpt-5"));
    assert_eq!((said.get("error.type"), said.error_type.as_deref()), (Some("_OTHER"), Some("_OTHER")));
}

#[test]
fn a_value_that_is_too_long_to_be_a_name_is_other() {
    let convention = Convention::new();
    let longest = "é".repeat(128);
    assert_eq!(name(&convention, &longest), format!("execute_tool {longest}"));
    assert_eq!(name(&convention, longest + "!"), "execute_tool _OTHER");
}

#[test]
fn clones_share_what_they_have_seen_and_other_settings_begin_anew() {
    let convention = Convention::new().max_values(1);
    let clone = convention.clone();
    assert_eq!(name(&convention, "search"), "execute_tool search");
    assert_eq!(name(&clone, "fetch"), "execute_tool _OTHER");
    assert_eq!(convention.overflow_count(), clone.overflow_count());
    assert_eq!(name(&clone.max_values(1), "fetch"), "execute_tool fetch");
}

#[test]
fn the_bound_has_a_bound() {
    let convention = Convention::new().max_values(usize::MAX);
    let spans = events(|| (0..5_000).for_each(|it| Span::tool(it.to_string(), "").start().complete()));
    let names: BTreeSet<_> =
        spans.iter().map(|it| convention.span_name(&it.as_event()).into_owned()).collect();
    assert_eq!(names.len(), 4_096 + 1);
}

#[test]
fn threads_that_bring_values_at_once_stay_within_the_bound_and_agree() {
    for _ in 0..20 {
        let convention = Convention::new().max_values(8);
        let bring = |from: usize| {
            let convention = convention.clone();
            thread::spawn(move || {
                let names = (0..16).map(|step| (from * 5 + step) % 16);
                names.map(|number| (number, name(&convention, number.to_string()))).collect::<BTreeSet<_>>()
            })
        };
        let threads: Vec<_> = (0..4).map(bring).collect();
        let seen: BTreeSet<_> = threads.into_iter().flat_map(|it| it.join().unwrap()).collect();
        let admitted = seen.iter().filter(|(_, name)| name != "execute_tool _OTHER").count();
        assert_eq!(admitted, 8, "{seen:?}");
        for (number, name) in &seen {
            let again = crate::cardinality::name(&convention, number.to_string());
            assert!(*name == again || name.ends_with("_OTHER"), "{number}: {name}, then {again}");
        }
    }
}

#[test]
fn what_is_called_other_is_no_value_that_was_folded() {
    let convention = Convention::new().max_values(0);
    let call = events(|| Span::generate().start().error("_OTHER", ""));
    let end = call.last().unwrap().as_event();
    assert_eq!(end.phase(), Some(Phase::Stop));
    assert_eq!(convention.error_type(&end).as_deref(), Some("_OTHER"));
    assert_eq!(convention.overflow_count(), 0);
}
