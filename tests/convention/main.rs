//! What events are called outside.

mod bounds;
mod cardinality;
mod content;
mod convention_docs;
mod declared;
mod genai;
mod inherited;
mod measured;
mod profiles;
mod semconv;
mod shown;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::collections::BTreeSet;

use allm_telemetry::{
    Content, Policy, SpanName, Usage,
    convention::{Convention, Profile, SpanKind},
    event::{OPTIONAL_END_KEYS, OPTIONAL_END_MEASUREMENTS, OPTIONAL_START_KEYS, Outcome},
    prelude::*,
};
use shown::{OUTCOMES, Shown, ended, shown};
use table::{OPENINFERENCE, OTEL, OWN};

#[track_caller]
fn assert_says(convention: Convention, table: &[table::Row]) {
    for row in table {
        let mut said = shown(&convention, &ended(row.span, Outcome::Completed)).all();
        said.retain(|line| !own().contains(line.split(" = ").next().unwrap()));
        assert_eq!(said, row.lines(), "{}", row.span);
    }
}

/// The attributes that are sent with every profile.
fn own() -> BTreeSet<&'static str> {
    SpanName::ALL.iter().copied().flat_map(own_of).collect()
}

fn own_of(span: SpanName) -> Vec<&'static str> {
    Convention::new().profiles([]).rules(span).map(|rule| rule.key()).collect()
}

#[test]
fn a_span_has_the_attributes_of_opentelemetry_1_41() {
    assert_says(shown::all_content().profiles([Profile::Otel1_41]), OTEL);
}

#[test]
fn a_span_has_the_attributes_of_openinference() {
    assert_says(shown::all_content().profiles([Profile::OpenInference]), OPENINFERENCE);
}

#[test]
fn a_span_has_our_own_attributes_whatever_the_profile() {
    for row in OWN {
        let events = ended(row.span, Outcome::Completed);
        let alone = shown(&Convention::new().profiles([]), &events);
        assert_eq!(alone.all(), row.lines(), "{}", row.span);
        let both = shown(&Convention::new(), &events);
        assert!(both.all().is_superset(&alone.all()), "{}", row.span);
    }
}

#[test]
fn both_profiles_are_sent_by_default_and_share_no_attribute() {
    for &span in SpanName::ALL {
        let keys =
            |convention: &Convention| convention.rules(span).map(|rule| rule.key()).collect::<Vec<_>>();
        let both = keys(&Convention::new());
        let profiles = [Profile::Otel1_41, Profile::OpenInference].into_iter();
        let apart =
            profiles.flat_map(|profile| profile.rules(span)).filter(|rule| rule.content() == Content::NONE);
        let joined: BTreeSet<_> = apart.map(|rule| rule.key()).chain(own_of(span)).collect();
        assert_eq!(both.iter().copied().collect::<BTreeSet<_>>(), joined, "{span}");
        assert_eq!(both.len(), both.iter().collect::<BTreeSet<_>>().len(), "{span}: a key stands twice");
    }
}

#[test]
fn every_measurement_of_a_span_is_one_of_our_attributes() {
    for &span in SpanName::ALL {
        let own = own_of(span);
        for measurement in span.row().measurements {
            assert!(own.contains(&&*format!("allm.{measurement}")), "{span}: {measurement} has no rule");
        }
    }
}

#[test]
fn every_key_of_a_span_but_its_result_and_content_is_an_attribute() {
    let convention = Convention::new();
    let has_rule = |span: SpanName, key: &str| {
        convention.rules(span).any(|rule| rule.source().contains(&format!("`{key}`")))
    };
    for &span in SpanName::ALL {
        let row = span.row();
        // The first result key is content.
        let optional = OPTIONAL_END_KEYS.iter().chain(OPTIONAL_END_MEASUREMENTS);
        for key in row.start_keys.iter().chain(&row.result_keys[1..]).chain(optional) {
            assert!(has_rule(span, key), "{span}: `{key}` has no rule");
        }
    }
    for key in OPTIONAL_START_KEYS {
        assert!(SpanName::ALL.iter().any(|&span| has_rule(span, key)), "`{key}` has no rule");
    }
}

#[test]
fn a_profile_that_is_given_twice_is_sent_once() {
    let once = Convention::new().profiles([Profile::Otel1_41]);
    let twice = Convention::new().profiles([Profile::Otel1_41, Profile::Otel1_41]);
    assert_eq!(twice.rules(SpanName::Generate).count(), once.rules(SpanName::Generate).count());
}

#[test]
fn spans_are_named_by_their_operation_and_what_they_are_about() {
    let names = [
        (SpanName::Generate, "chat gpt-5", "chat", SpanKind::Client),
        (SpanName::Stream, "chat gpt-5", "chat", SpanKind::Client),
        (SpanName::Step, "step", "step", SpanKind::Internal),
        (SpanName::Chat, "invoke_agent helper", "invoke_agent", SpanKind::Internal),
        (SpanName::Tool, "execute_tool search", "execute_tool search", SpanKind::Internal),
        (SpanName::Image, "generate_content gpt-5", "generate_content", SpanKind::Client),
        (SpanName::Embed, "embeddings gpt-5", "embeddings", SpanKind::Client),
        (SpanName::Moderate, "moderate gpt-5", "moderate", SpanKind::Client),
        (SpanName::Classify, "classify gpt-5", "classify", SpanKind::Client),
        (SpanName::Synthesize, "speech gpt-5", "speech", SpanKind::Client),
        (SpanName::Transcribe, "transcription gpt-5", "transcription", SpanKind::Client),
        (SpanName::Retrieve, "retrieval handbook", "retrieval handbook", SpanKind::Client),
        (SpanName::Rerank, "rerank gpt-5", "rerank", SpanKind::Client),
    ];
    assert!(names.iter().map(|row| row.0).eq(SpanName::ALL.iter().copied()), "a span has no row above");
    let convention = Convention::new();
    for (span, loaded, bare, kind) in names {
        assert_eq!(shown(&convention, &ended(span, Outcome::Completed)).name, loaded);
        assert_eq!(shown(&convention, &shown::bare(span)).name, bare);
        assert_eq!(convention.kind(span), kind, "{span}");
    }
}

#[test]
fn an_error_type_stands_exactly_on_errors_and_panics() {
    for (span, outcome) in shown::every_end() {
        let class = match outcome {
            Outcome::Error => Some("timeout"),
            Outcome::Panicked => Some("panic"),
            _ => None,
        };
        for profiles in
            [vec![], vec![Profile::OpenInference], vec![Profile::Otel1_41, Profile::OpenInference]]
        {
            let convention = Convention::new().profiles(profiles);
            let said = shown(&convention, &ended(span, outcome));
            assert_eq!(said.get("error.type"), class, "{span} {outcome}");
            assert_eq!(said.error_type.as_deref(), class, "{span} {outcome}");
            assert_eq!(said.get("allm.outcome"), Some(outcome.as_str()), "{span} {outcome}");
            let is_panic = outcome == Outcome::Panicked;
            assert_eq!(said.exception.contains_key("exception.type"), is_panic, "{span} {outcome}");
            assert_eq!(said.exception.contains_key("exception.stacktrace"), is_panic, "{span} {outcome}");
        }
    }
}

#[test]
fn the_other_attributes_are_the_same_however_a_span_ends() {
    // What depends on the end by its meaning.
    let own_way = [
        "allm.outcome",
        "error.type",
        "allm.usage_status",
        "allm.chunk_count",
        "allm.time_to_first_chunk",
        "allm.producer_wait",
        "allm.longest_wait",
        "allm.consumer_time",
        "gen_ai.response.time_to_first_chunk",
    ];
    for &span in SpanName::ALL {
        let [first, others @ ..] = OUTCOMES.map(|outcome| {
            let mut said = shown(&Convention::new(), &ended(span, outcome)).attributes;
            said.retain(|key, _| !own_way.contains(&key.as_str()));
            said
        });
        assert!(others.iter().all(|other| *other == first), "{span}: {others:?}\n{first:?}");
    }
}

#[test]
fn what_is_not_known_is_absent_and_never_0() {
    for &span in SpanName::ALL {
        let said = shown(&Convention::new(), &shown::bare(span));
        let absent =
            ["usage", "token_count", "gen_ai.request.model", "model_name", "gen_ai.response", "session"];
        let told: Vec<_> =
            said.attributes.keys().filter(|key| absent.iter().any(|part| key.contains(part))).collect();
        // It says that the usage is unknown.
        let status = if span.row().is_call { vec!["allm.usage_status"] } else { vec![] };
        assert_eq!(told, status, "{span}");
        assert_eq!(said.get("gen_ai.provider.name"), said.get("gen_ai.operation.name").and(provider(span)));
    }
}

/// It is required where there is an operation of a model or an agent.
fn provider(span: SpanName) -> Option<&'static str> {
    (span != SpanName::Tool).then_some("_OTHER")
}

#[test]
fn a_part_of_the_usage_that_is_unknown_is_absent_and_one_that_is_0_is_0() {
    let events = shown::events(|| {
        let mut span = Span::generate().start();
        span.record(|record| record.usage(Usage::new().input(0_u64)));
        span.complete();
    });
    let said = shown(&Convention::new(), &events);
    let tokens: Vec<_> = said.all().into_iter().filter(|line| line.contains("token")).collect();
    assert_eq!(tokens, ["gen_ai.usage.input_tokens = 0", "llm.token_count.prompt = 0"]);
}

#[test]
fn the_rare_parts_of_a_usage_have_the_names_that_a_convention_has_for_them_and_ours() {
    let lines = |profile| {
        let said = shown(
            &Convention::new().profiles([profile]),
            &shown::ended_with_rare_results(SpanName::Generate),
        );
        let mut lines = said.all();
        lines.retain(|line| line.contains("usage") || line.contains("token_count"));
        lines
    };
    let ours = [
        "allm.usage.audio_input_tokens = 5",
        "allm.usage.audio_output_tokens = 7",
        "allm.usage.billed_input_tokens = 10",
        "allm.usage.billed_output_tokens = 11",
        "allm.usage.cache_write_1h_tokens = 3",
        "allm.usage.cache_write_5m_tokens = 2",
        "allm.usage.image_input_tokens = 6",
        "allm.usage.image_output_tokens = 8",
        "allm.usage.service_tier = flex",
        "allm.usage.tool_prompt_tokens = 4",
        "allm.usage.web_search_requests = 9",
        "allm.usage_issue = cached_exceeds_input",
        "allm.usage_status = reported",
    ];
    let named =
        |names: &[&str]| ours.iter().chain(names).map(|line| (*line).to_owned()).collect::<BTreeSet<_>>();
    let otel = [
        "gen_ai.usage.cache_creation.input_tokens = 5",
        "gen_ai.usage.input_tokens = 94",
        "gen_ai.usage.output_tokens = 80",
    ];
    assert_eq!(lines(Profile::Otel1_41), named(&otel));
    let genai = [
        "gen_ai.usage.audio.input_tokens = 5",
        "gen_ai.usage.audio.output_tokens = 7",
        "gen_ai.usage.cache_write.input_tokens = 5",
        "gen_ai.usage.image.input_tokens = 6",
        "gen_ai.usage.image.output_tokens = 8",
        "gen_ai.usage.input_tokens = 94",
        "gen_ai.usage.output_tokens = 80",
    ];
    assert_eq!(lines(Profile::OtelGenai), named(&genai));
    let openinference = [
        "llm.token_count.completion = 80",
        "llm.token_count.completion_details.audio = 7",
        "llm.token_count.prompt = 94",
        "llm.token_count.prompt_details.audio = 5",
        "llm.token_count.prompt_details.cache_write = 5",
        "llm.token_count.total = 174",
    ];
    assert_eq!(lines(Profile::OpenInference), named(&openinference));
}

#[test]
fn web_searches_and_billed_tokens_are_shown_by_a_span_that_knows_no_tokens() {
    let events = shown::events(|| {
        let mut span = Span::embed(1).start();
        span.record(|record| record.usage(Usage::new().web_searches(1).billed_input(3).billed_output(0)));
        span.complete();
    });
    let mut lines = shown(&Convention::new(), &events).all();
    lines.retain(|line| line.contains(".usage."));
    let expected = [
        "allm.usage.billed_input_tokens = 3",
        "allm.usage.billed_output_tokens = 0",
        "allm.usage.web_search_requests = 1",
    ];
    assert_eq!(lines, expected.map(str::to_owned).into());
}

#[test]
fn usage_can_be_left_to_the_span_inside() {
    for &span in SpanName::ALL {
        let events = ended(span, Outcome::Completed);
        let with = shown(&Convention::new(), &events);
        let without = Shown::of(&Convention::new().without_usage(), &events);
        let is_usage = |key: &str| key.contains(".usage.") || key.contains("token_count");
        let left: BTreeSet<_> = with.attributes.keys().filter(|key| !is_usage(key)).collect();
        assert_eq!(without.attributes.keys().collect::<BTreeSet<_>>(), left, "{span}");
    }
}

#[test]
fn the_provider_is_the_engine_when_it_is_not_set_and_both_are_the_parents() {
    let provider = |span: fn() -> Span| {
        let events = shown::events(|| {
            let mut chat = Span::chat().engine("rig").start();
            chat.enter(|| span().start().complete());
            chat.complete();
        });
        let inside: Vec<_> =
            events.into_iter().filter(|it| it.as_event().span() != Some(SpanName::Chat)).collect();
        shown(&Convention::new(), &inside).get("gen_ai.provider.name").map(str::to_owned)
    };
    assert_eq!(provider(Span::generate).as_deref(), Some("rig"));
    assert_eq!(provider(|| Span::generate().engine("genai")).as_deref(), Some("genai"));
    assert_eq!(provider(|| Span::generate().provider("openai")).as_deref(), Some("openai"));
}

#[test]
fn values_have_the_type_of_the_convention_and_those_that_cannot_are_left_out() {
    let events = shown::events(|| {
        let span = Span::generate()
            .metadata("temperature", 1)
            .metadata("max_tokens", "lots")
            .metadata("seed", u64::MAX)
            .metadata("top_k", 3)
            .metadata("stop_sequences", "END");
        span.start().complete();
    });
    let said = shown(&Convention::new(), &events);
    let typed =
        |key: &str| said.typed.iter().find(|it| it.0 == format!("gen_ai.request.{key}")).map(|it| &*it.1);
    assert_eq!(typed("temperature"), Some("Float(1.0)"));
    assert_eq!(typed("top_k"), Some("Float(3.0)"));
    assert_eq!(typed("seed"), Some("Int(9223372036854775807)"));
    assert_eq!(typed("stop_sequences"), Some("Texts([\"END\"])"));
    assert_eq!(typed("max_tokens"), None);
}

#[test]
fn the_users_keys_leave_only_when_named_and_once() {
    let events = shown::events(|| {
        let mut span =
            Span::step().metadata("tenant", "acme").metadata("plan", "free").metadata("team", 7).start();
        span.record(|record| {
            record.metadata("plan", "paid");
            record.metadata("late", vec!["a", "b"]);
            record.measurement("gateway_fee", 0.02);
        });
        span.complete();
    });
    let own = |policy: Policy| {
        let said = shown(&Convention::new().policy(policy), &events).all();
        said.into_iter()
            .filter(|line| !line.contains("allm.") && !line.contains("openinference"))
            .collect::<Vec<_>>()
    };
    assert_eq!(own(Policy::new()), [""; 0]);
    let named = Policy::new().user_keys(["tenant", "plan", "late", "gateway_fee", "nothing"]);
    let expected =
        ["gateway_fee = 0.02", "late = [\"a\",\"b\"]", "plan = free", "plan = paid", "tenant = acme"];
    assert_eq!(own(named), expected);
}

#[test]
fn a_policy_that_lets_content_out_adds_its_rules() {
    let count = |fields| {
        let convention = Convention::new().policy(Policy::new().content_unredacted(fields));
        convention.rules(SpanName::Generate).filter(|rule| rule.content() != Content::NONE).count()
    };
    assert_eq!([Content::NONE, Content::ERROR, Content::INPUT, Content::ALL].map(count), [0, 0, 3, 6]);
}
