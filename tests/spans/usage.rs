//! Usage: what a provider reports, in its own terms, and what events say of it.

use crate::support::*;
use allm_telemetry::{
    SpanName, Usage,
    event::{Metadata, Value},
    prelude::*,
    testing::Capture,
};
use futures::{StreamExt as _, stream};

/// Merges the frames of a stream.
fn merged(frames: impl IntoIterator<Item = Usage>) -> Usage {
    frames.into_iter().fold(Usage::new(), |mut usage, frame| {
        usage.merge(&frame);
        usage
    })
}

#[test]
fn a_count_that_was_not_told_is_unknown_and_never_0() {
    let usage = Usage::new().input(0);
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(0), None));
    assert_eq!(
        [usage.cached_tokens(), usage.cache_write_tokens(), usage.reasoning_tokens()],
        [None, None, None]
    );
}

#[test]
fn usage_given_twice_merges_field_by_field_and_the_last_value_wins() {
    let mut usage = Usage::new().input(100).output(1).cached(40);
    usage.merge(&Usage::new().output(25).reasoning(9));
    assert_eq!(usage, Usage::new().input(100).output(25).cached(40).reasoning(9));
    usage.merge(&Usage::new());
    assert_eq!(usage.output_tokens(), Some(25));
    usage.merge(&Usage::new().output(0).reasoning(0));
    assert_eq!(usage.output_tokens(), Some(0));
}

#[test]
fn cached_tokens_that_are_reported_apart_are_counted_into_the_input() {
    let usage = Usage::new().input(200).cached_beside(Some(1_000)).cache_write_beside(Some(30)).output(80);
    assert_eq!(usage.input_tokens(), Some(1_230));
    assert_eq!((usage.cached_tokens(), usage.cache_write_tokens()), (Some(1_000), Some(30)));
    assert_eq!(Usage::new().input(200).cached_beside(None::<u64>), Usage::new().input(200));
}

#[test]
fn reasoning_tokens_that_are_reported_apart_are_counted_into_the_output() {
    let usage = Usage::new().output(16).reasoning_beside(Some(64));
    assert_eq!((usage.output_tokens(), usage.reasoning_tokens()), (Some(80), Some(64)));
    assert_eq!(Usage::new().output(16).reasoning_beside(None::<u64>), Usage::new().output(16));
}

#[test]
fn audio_images_and_tool_prompts_that_are_reported_apart_are_counted_into_the_input() {
    let mistral = Usage::new().input(9).audio_input_beside(375).output(248).total(632);
    assert_eq!((mistral.input_tokens(), mistral.audio_input_tokens()), (Some(384), Some(375)));
    let cohere = Usage::new().input(34).image_input_beside(259).output(70);
    assert_eq!((cohere.input_tokens(), cohere.image_input_tokens()), (Some(293), Some(259)));
    let gemini =
        Usage::new().input(427).tool_prompt_beside(771).output(122).reasoning_beside(447).total(1_767);
    assert_eq!((gemini.input_tokens(), gemini.output_tokens()), (Some(1_198), Some(569)));
    assert_eq!(gemini.tool_prompt_tokens(), Some(771));
}

#[test]
fn counts_that_are_too_large_are_cut_and_do_not_panic() {
    assert_eq!(Usage::new().input(u64::MAX).cached_beside(1).input_tokens(), Some(u64::MAX));
    assert_eq!(Usage::new().output(1e300).reasoning_beside(1).output_tokens(), Some(u64::MAX));
}

#[test]
fn a_float_is_a_count_and_a_negative_or_infinite_one_is_unknown() {
    assert_eq!(Usage::new().input(34.0).input_tokens(), Some(34));
    for unknown in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Usage::new().input(unknown).cost(unknown), Usage::new());
    }
}

#[test]
fn a_later_0_replaces_a_count_and_a_reader_that_drops_it_keeps_the_count() {
    let start = Usage::new().input(317).cached_beside(0).cache_write_beside(4_425).output(1);
    // This host's 0 means nothing: its reader leaves it out.
    let usage = merged([start, Usage::new().output(84)]);
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(4_742), Some(84)));
    // After a compaction, nothing was read from the cache.
    let start = Usage::new().input(3).cached_beside(55_096).output(1);
    let usage = merged([start, Usage::new().input(181).cached_beside(0).output(8)]);
    assert_eq!((usage.input_tokens(), usage.cached_tokens()), (Some(181), Some(0)));
}

#[test]
fn parts_of_an_earlier_frame_are_added_to_the_remainder_of_a_later_one() {
    let start = Usage::new().input(5).cached_beside(128_955).cache_write_beside(1_253).output(1);
    let usage = merged([start, Usage::new().input(5).output(47)]);
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(130_213), Some(47)));
    assert_eq!(usage.cached_tokens(), Some(128_955));
}

#[tokio::test]
async fn reasoning_and_visible_output_that_come_in_two_frames_are_added_and_the_first_alone_is_partial() {
    let frames = [Usage::new().reasoning_beside(343), Usage::new().output(5)];
    assert_eq!(merged(frames.clone()).output_tokens(), Some(348));
    let capture = Capture::new();
    let span = Span::stream().observe(|frame: &Usage, record| record.usage(frame.clone()));
    let mut stream = capture.run(|| stream::iter(frames).in_span_infallible(span));
    stream.next().await;
    drop(stream);
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(stop.as_event().usage().unwrap().output_tokens(), Some(343));
    assert_eq!(text(&stop, "usage_status"), "partial");
}

#[test]
fn a_total_shows_that_reasoning_cache_or_audio_is_beside() {
    let usage = Usage::new().input(10_120).output(1_499).reasoning(2_809).total(14_428);
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(10_120), Some(4_308)));
    let usage = Usage::new().input(9).audio_input(375).output(248).total(632);
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(384), Some(248)));
    let usage = Usage::new().input(3).cached(1_712).cache_write(236).output(121).total(2_072);
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(1_951), Some(121)));
    let usage = Usage::new().input(3).cached(1_712).output(121).reasoning(60).total(1_896);
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(1_715), Some(181)));
    // OpenAI's, in which everything is inside.
    let usage = Usage::new().input(1_200).cached(1_000).output(80).reasoning(64).total(1_280);
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(1_200), Some(80)));
    // Gemini's OpenAI endpoint hides its reasoning: no reading fits.
    let usage = Usage::new().input(35).output(12).total(109);
    assert_eq!(
        (usage.input_tokens(), usage.output_tokens(), usage.total_tokens()),
        (Some(35), Some(12), Some(109))
    );
}

#[test]
fn a_total_belongs_to_the_latest_counts() {
    let usage = merged([
        Usage::new().input(12).output(1).reasoning(228).total(241),
        Usage::new().output(3).reasoning(230),
    ]);
    assert_eq!((usage.total_tokens(), usage.output_tokens()), (None, Some(3)));
    let usage = merged([
        Usage::new().input(12).output(1).reasoning(228),
        Usage::new().total(241),
        Usage::new().tier("default").cost(0.1),
    ]);
    assert_eq!((usage.total_tokens(), usage.output_tokens()), (Some(241), Some(229)));
}

#[test]
fn a_part_larger_than_its_whole_is_not_reported_and_the_whole_stands() {
    let usage = Usage::new().input(86).cached(17_817).output(213).total(299);
    assert_eq!((usage.input_tokens(), usage.cached_tokens()), (Some(86), None));
    assert_eq!(usage.issue(), Some("cached_exceeds_input"));
    let usage = Usage::new().output(2_298).reasoning(2_948);
    assert_eq!((usage.output_tokens(), usage.reasoning_tokens()), (Some(2_298), None));
    assert_eq!(usage.issue(), Some("reasoning_exceeds_output"));
    // What was written to the cache is not reported, and neither is a part of it.
    let usage = Usage::new().input(5).cache_write_5m(3).cache_write_1h(4);
    assert_eq!([usage.cache_write_tokens(), usage.cache_write_5m_tokens()], [None, None]);
    assert_eq!(usage.issue(), Some("cache_write_exceeds_input"));
    // Nothing to compare it with.
    assert_eq!(Usage::new().cached(7).cached_tokens(), Some(7));
}

#[tokio::test]
async fn an_event_says_that_a_part_exceeds_its_whole_and_only_then() {
    let end = async |usage: Usage| {
        let capture = Capture::new();
        let span = Span::generate().observe(move |(): &(), record| record.usage(usage.clone()));
        capture.scope(async { Answer::Ok(()) }.in_span(span)).await.unwrap();
        end_of(&capture, SpanName::Generate)
    };
    let stop = end(Usage::new().input(86).cached(17_817).output(213)).await;
    assert_eq!(text(&stop, "usage_issue"), "cached_exceeds_input");
    let Value::Map(usage) = value(&stop, "usage") else { panic!() };
    assert_eq!(
        (usage.get("input_tokens"), usage.get("cached_tokens")),
        (Some(&86.into()), Some(&Value::Null))
    );
    let stop = end(Usage::new().input(86).cached(86)).await;
    assert!(stop.as_event().metadata("usage_issue").is_none());
}

#[test]
fn cache_writes_by_lifetime_are_parts_of_the_cache_writes_or_make_them_up() {
    let anthropic = Usage::new().input(3).cached_beside(0).cache_write_beside(2_070).output(459);
    let anthropic = anthropic.cache_write_5m(14).cache_write_1h(2_056);
    assert_eq!((anthropic.input_tokens(), anthropic.cache_write_tokens()), (Some(2_073), Some(2_070)));
    assert_eq!(anthropic.cache_write_1h_tokens(), Some(2_056));
    let alone =
        Usage::new().input(3).cache_write_beside(None::<u64>).cache_write_5m(14).cache_write_1h(2_056);
    assert_eq!((alone.input_tokens(), alone.cache_write_tokens()), (Some(2_073), Some(2_070)));
}

#[test]
fn an_estimate_is_used_until_the_provider_reports() {
    let estimate = Usage::new().input(12).output(30).reasoning(7).estimated();
    let reported = Usage::new().output(28);
    assert_eq!(merged([estimate.clone(), reported.clone()]), reported);
    assert_eq!(merged([reported.clone(), estimate.clone()]), reported);
    let usage = merged([estimate.clone(), Usage::new().output(31).estimated()]);
    assert_eq!(
        (usage.input_tokens(), usage.output_tokens(), usage.is_estimated()),
        (Some(12), Some(31), true)
    );
    // A part that is beside the output is output.
    assert_eq!(merged([estimate.clone(), Usage::new().reasoning_beside(5)]).output_tokens(), Some(5));
    // The tier is not a count.
    let usage = merged([Usage::new().tier("flex"), estimate, reported]);
    assert_eq!((usage.service_tier(), usage.is_estimated()), (Some("flex"), false));
}

#[test]
fn a_count_without_tokens_stands_beside_an_estimate_in_any_order() {
    let estimate = Usage::new().input(12).output(30).web_searches(5).estimated();
    let others = [
        Usage::new().web_searches(1),
        Usage::new().billed_input(9).web_searches(1),
        Usage::new().total(107).tier("flex").web_searches(1),
        Usage::new().cached(3).web_searches(1),
    ];
    for other in others {
        for usage in [merged([estimate.clone(), other.clone()]), merged([other.clone(), estimate.clone()])] {
            assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(12), Some(30)), "beside {other}");
            assert!(usage.is_estimated());
            assert_eq!(usage.web_search_requests(), Some(1), "that of the provider");
            assert_eq!(usage.total_tokens(), other.total_tokens());
            assert_eq!(usage.billed_input_tokens(), other.billed_input_tokens());
            assert_eq!(usage.cached_tokens(), other.cached_tokens());
            assert_eq!(usage.service_tier(), other.service_tier());
            // As soon as the provider reports tokens, nothing is left of the estimate, and all of what it had reported.
            let reported = Usage::new().output(28);
            assert_eq!(merged([usage, reported.clone()]), merged([other.clone(), reported]));
        }
    }
    // An estimate without tokens stands back as well.
    let usage = merged([Usage::new().web_searches(5).estimated(), Usage::new().output(28)]);
    assert_eq!(usage, Usage::new().output(28));
}

#[tokio::test]
async fn a_call_with_an_estimate_and_a_count_of_the_provider_is_estimated() {
    let capture = Capture::new();
    let span = Span::stream().observe(|usage: &Usage, record| record.usage(usage.clone()));
    let frames = [Usage::new().input(12).output(30).estimated(), Usage::new().web_searches(1)];
    capture.run(|| stream::iter(frames).in_span_infallible(span)).count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(text(&stop, "usage_status"), "estimated");
    let usage = stop.as_event().usage().unwrap();
    assert_eq!((usage.input_tokens(), usage.web_search_requests()), (Some(12), Some(1)));
    assert!(stop.as_event().counts_usage());
}

#[test]
fn a_part_that_was_told_to_be_beside_stays_beside_when_a_later_count_does_not_say_where() {
    let frames = [Usage::new().input(5).cached_beside(100), Usage::new().cached(3)];
    for usage in [merged(frames), Usage::new().input(5).cached_beside(100).cached(3)] {
        assert_eq!((usage.input_tokens(), usage.cached_tokens()), (Some(8), Some(3)));
    }
}

#[tokio::test]
async fn usage_that_was_estimated_says_so_and_what_the_provider_reports_replaces_it() {
    let status = async |reports: bool| {
        let capture = Capture::new();
        let span = Span::stream()
            .observe(move |text: &&str, record| {
                if reports && *text == "b" {
                    record.usage(Usage::new().output(9));
                }
            })
            .on_end(|record| record.usage(Usage::new().output(2).estimated()));
        capture.run(|| stream::iter(["a", "b"]).in_span_infallible(span)).count().await;
        let stop = end_of(&capture, SpanName::Stream);
        (text(&stop, "usage_status"), stop.as_event().usage().unwrap().output_tokens())
    };
    assert_eq!(status(false).await, ("estimated".into(), Some(2)));
    assert_eq!(status(true).await, ("reported".into(), Some(9)));
}

#[tokio::test]
async fn a_service_tier_without_a_count_is_shown_and_the_usage_is_unknown() {
    let capture = Capture::new();
    let span = Span::stream().observe(|tier: &String, record| record.usage(Usage::new().tier(tier)));
    capture.run(|| stream::iter(["flex".to_owned()]).in_span_infallible(span)).count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!(text(&stop, "usage_status"), "unknown");
    assert_eq!(stop.as_event().usage().unwrap().service_tier(), Some("flex"));
    assert!(!stop.as_event().counts_usage());
}

#[test]
fn usage_is_a_map_of_five_counts_and_of_whatever_else_was_reported() {
    let map = Metadata::new()
        .with("input_tokens", 3_u64)
        .with("output_tokens", Value::Null)
        .with("cached_tokens", Value::Null)
        .with("cache_write_tokens", Value::Null)
        .with("reasoning_tokens", 1_u64);
    assert_eq!(Value::from(&Usage::new().input(3).reasoning(1)), map.clone().into());
    let usage =
        Usage::new().input(3).reasoning(1).web_searches(2).billed_input(9).tier("flex").cost(0.5).estimated();
    let map = map
        .with("web_search_requests", 2_u64)
        .with("billed_input_tokens", 9_u64)
        .with("service_tier", "flex")
        .with("cost_usd", 0.5)
        .with("estimated", true);
    assert_eq!(Value::from(&usage), map.into());
}

#[test]
fn each_count_has_a_key_and_the_docs_explain_it() {
    let usage = Usage::new().input(99).output(98).cached(1).cache_write(9).reasoning(2).cache_write_5m(3);
    let usage = usage.cache_write_1h(4).tool_prompt_beside(5).audio_input(6).image_input(7).audio_output(8);
    let usage = usage.image_output(10).total(11).web_searches(12).billed_input(13).billed_output(14);
    let usage = usage.tier("flex").cost(0.5).estimated();
    let Value::Map(map) = Value::from(&usage) else { panic!() };
    assert_eq!(map.len(), 19, "each of them once");
    let docs = include_str!("../../docs/events.md");
    for (key, _) in &map {
        assert!(docs.contains(&format!("`{key}`")), "docs/events.md does not have `{key}`");
    }
}
