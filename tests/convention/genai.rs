//! The profile `otel-genai`: what it changes of `otel-1.41`.

use std::collections::BTreeSet;
use std::process::Command;

use allm_telemetry::{
    SpanName,
    convention::{Convention, Profile},
    event::{Outcome, OwnedEvent},
    prelude::*,
};

use crate::measured::measured;
use crate::shown::{OUTCOMES, ended, events, shown};

fn genai() -> Convention {
    Convention::new().profiles([Profile::OtelGenai])
}

fn lines(convention: &Convention, span: SpanName) -> BTreeSet<String> {
    shown(convention, &ended(span, Outcome::Completed)).all()
}

#[test]
fn a_span_differs_from_1_41_in_what_the_migration_guide_lists_and_in_nothing_else() {
    let cache_write =
        ["- gen_ai.usage.cache_creation.input_tokens = 8", "+ gen_ai.usage.cache_write.input_tokens = 8"];
    for &span in SpanName::ALL {
        let expected: BTreeSet<_> = match span {
            SpanName::Chat => [
                "- gen_ai.provider.name = openai",
                "- gen_ai.usage.cache_read.input_tokens = 100",
                "- gen_ai.usage.cache_creation.input_tokens = 8",
            ]
            .into(),
            SpanName::Retrieve => ["- gen_ai.request.top_k = 40", "+ gen_ai.retrieval.top_k = 40"].into(),
            SpanName::Tool => BTreeSet::new(),
            _ => cache_write.into(),
        };
        let (old, new) =
            (lines(&Convention::new().profiles([Profile::Otel1_41]), span), lines(&genai(), span));
        let removed = old.difference(&new).map(|line| format!("- {line}"));
        let added = new.difference(&old).map(|line| format!("+ {line}"));
        let differences: BTreeSet<_> = removed.chain(added).collect();
        assert_eq!(differences, expected.into_iter().map(str::to_owned).collect(), "{span}");
    }
}

#[test]
fn top_k_is_an_integer() {
    let typed = |profile| {
        let said =
            shown(&Convention::new().profiles([profile]), &ended(SpanName::Generate, Outcome::Completed));
        said.typed.iter().find(|it| it.0 == "gen_ai.request.top_k").map(|it| it.1.clone())
    };
    assert_eq!(typed(Profile::Otel1_41).as_deref(), Some("Float(40.0)"));
    assert_eq!(typed(Profile::OtelGenai).as_deref(), Some("Int(40)"));
}

/// A stream with these finish reasons by choice, which ended in this way.
fn stream(reasons: &'static [(usize, &'static str)], fails: bool) -> Vec<OwnedEvent> {
    events(move || {
        let mut span = Span::stream().start();
        span.record(|record| {
            reasons.iter().for_each(|(choice, reason)| record.finish_reason_of(*choice, *reason))
        });
        if fails { span.error("timeout", "") } else { span.complete() }
    })
}

#[test]
fn a_finish_reason_that_is_missing_is_error_only_under_the_new_profile_and_only_if_the_call_failed() {
    let reasons = |profile, events: &[OwnedEvent]| {
        let said = shown(&Convention::new().profiles([profile]), events);
        said.get("gen_ai.response.finish_reasons").map(str::to_owned)
    };
    let check =
        |told: &'static [(usize, &'static str)], fails: bool, old: Option<&str>, new: Option<&str>| {
            let events = stream(told, fails);
            assert_eq!(reasons(Profile::Otel1_41, &events).as_deref(), old, "{told:?} {fails}");
            assert_eq!(reasons(Profile::OtelGenai, &events).as_deref(), new, "{told:?} {fails}");
        };
    check(&[(1, "length")], true, Some(r#"["length"]"#), Some(r#"["error","length"]"#));
    check(&[(1, "length")], false, Some(r#"["length"]"#), Some(r#"["length"]"#));
    check(&[], true, None, Some(r#"["error"]"#));
    check(&[], false, None, None);
}

#[test]
fn inference_has_instruments_of_its_own_and_the_other_calls_keep_theirs() {
    let names = |span: SpanName| -> BTreeSet<String> {
        let lines = OUTCOMES.map(|outcome| measured(&genai(), &ended(span, outcome))).concat();
        let name = |line: String| line.split(' ').next().unwrap().to_owned();
        lines.into_iter().map(name).filter(|name| name.starts_with("gen_ai.client.")).collect()
    };
    let inference = [
        "gen_ai.client.inference.duration",
        "gen_ai.client.inference.operation.input_tokens",
        "gen_ai.client.inference.operation.output_tokens",
        "gen_ai.client.inference.time_to_first_chunk",
        "gen_ai.client.inference.usage.cache_read.input_tokens",
        "gen_ai.client.inference.usage.cache_write.input_tokens",
        "gen_ai.client.inference.usage.input_tokens",
        "gen_ai.client.inference.usage.output_tokens",
        "gen_ai.client.inference.usage.reasoning.output_tokens",
    ];
    assert_eq!(names(SpanName::Stream), inference.map(str::to_owned).into());
    let other = [
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
    ];
    assert_eq!(names(SpanName::Embed), other.map(str::to_owned).into());
}

#[test]
fn the_tokens_of_an_inference_are_counters_with_a_modality() {
    let lines = measured(&genai(), &ended(SpanName::Generate, Outcome::Completed));
    let expected = "gen_ai.client.inference.usage.input_tokens 120 {gen_ai.operation.name=chat \
                    gen_ai.provider.name=openai gen_ai.request.model=gpt-5 gen_ai.response.model=gpt-5-2026 \
                    gen_ai.token.modality=unknown}";
    assert!(lines.iter().any(|line| line == expected), "{lines:#?}");
}

#[test]
fn the_waits_for_chunks_are_those_of_inference() {
    let gaps = |span| {
        let events = ended(span, Outcome::Dropped);
        events.iter().find_map(|event| Some(genai().chunk_gaps(&event.as_event())?.0.name.clone()))
    };
    assert_eq!(gaps(SpanName::Stream).as_deref(), Some("gen_ai.client.inference.time_per_output_chunk"));
    assert_eq!(gaps(SpanName::Synthesize).as_deref(), Some("gen_ai.client.operation.time_per_output_chunk"));
}

#[test]
fn the_environment_selects_the_new_profile_where_the_code_chooses_none() {
    const CHILD: &str = "ALLM_SHOW_PROFILE";
    if std::env::var_os(CHILD).is_some() {
        let renamed = |convention: Convention| {
            convention
                .rules(SpanName::Generate)
                .any(|rule| rule.key() == "gen_ai.usage.cache_write.input_tokens")
        };
        let chosen = Convention::new().profiles([Profile::Otel1_41]);
        println!("by itself: {}, chosen: {}", renamed(Convention::new()), renamed(chosen));
        return;
    }
    let name = "genai::the_environment_selects_the_new_profile_where_the_code_chooses_none";
    for (value, expected) in [
        ("http, gen_ai_latest_experimental", "by itself: true, chosen: false"),
        ("http", "by itself: false, chosen: false"),
    ] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, "")
            .env("OTEL_SEMCONV_STABILITY_OPT_IN", value);
        let output = String::from_utf8(child.output().unwrap().stdout).unwrap();
        assert!(output.contains(expected), "{value}: {output}");
    }
}
