//! The catalogue holds: every stop of a span has one key set and every exception one, on every path.

use std::collections::BTreeSet;
use std::future::{pending, ready};
use std::panic::AssertUnwindSafe;

use crate::support::*;
use allm_telemetry::{
    Event, SpanName,
    event::{Metadata, OPTIONAL_END_KEYS, OwnedEvent, Phase, Value},
    prelude::*,
    span, span_sync,
    testing::Capture,
};
use futures::{FutureExt as _, StreamExt as _, stream};

const STREAM_MEASUREMENTS: [&str; 5] =
    ["chunk_count", "time_to_first_chunk", "producer_wait", "longest_wait", "consumer_time"];

fn sorted<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
    keys.sort();
    keys
}

fn measured(event: &Event<'_>) -> Vec<String> {
    sorted(event.measurements().map(|entry| entry.key))
}

/// The keys that the events of this span have in this phase, as the catalogue says it.
pub(crate) fn promised(name: SpanName, phase: Phase, on_stream: bool) -> (Vec<String>, Vec<String>) {
    let row = name.row();
    let mut metadata = vec!["request_id", "span_id", "parent_span_id", "engine", "model"];
    metadata.extend(row.start_keys);
    let mut measurements = vec!["monotonic_time"];
    match phase {
        Phase::Start => measurements.push("system_time"),
        Phase::FirstChunk => measurements.push("time_to_first_chunk"),
        Phase::Stop => metadata.extend(["outcome", "error", "error_type"]),
        Phase::Exception => metadata.extend(["outcome", "error_type", "kind", "reason", "stacktrace"]),
    }
    if matches!(phase, Phase::Stop | Phase::Exception) {
        measurements.push("duration");
        measurements.extend(row.measurements);
        metadata.extend(row.result_keys);
        if on_stream {
            measurements.extend(STREAM_MEASUREMENTS);
            metadata.push("usage_status");
        }
    }
    let unique = |keys: Vec<&'static str>| sorted(keys.into_iter().collect::<BTreeSet<_>>());
    (unique(measurements), unique(metadata))
}

#[track_caller]
fn assert_keeps_its_promise(event: &OwnedEvent, on_stream: bool) {
    let event = event.as_event();
    let (measurements, metadata) = promised(event.span().unwrap(), event.phase().unwrap(), on_stream);
    assert_eq!(measured(&event), measurements, "measurements of {event:?}");
    assert_eq!(keys(&event), metadata, "metadata of {event:?}");
    assert!(event.metadata_entries().chain(event.measurements()).all(|entry| !entry.from_user), "{event:?}");
}

#[track_caller]
fn assert_all_keep_their_promise(capture: &Capture, name: SpanName, on_stream: bool, ends: usize) {
    capture.assert_balanced();
    let events = capture.events();
    events.iter().for_each(|event| assert_keeps_its_promise(event, on_stream));
    assert_eq!(events.iter().filter(|it| it.as_event().outcome().is_some()).count(), ends, "{name}");
}

/// Runs to its end or to its panic, whichever comes.
async fn settle<F: Future>(work: F) {
    let _ = AssertUnwindSafe(work).catch_unwind().await;
}

#[tokio::test]
async fn a_spans_keys_are_the_same_however_its_future_ends() {
    for &name in SpanName::ALL {
        let capture = Capture::new();
        let built = || span_of(name);
        let all = async {
            settle(ready(Answer::Ok(1)).in_span(built())).await;
            settle(ready(Answer::<u8>::Err(refused())).in_span(built())).await;
            settle(ready(1).in_span_infallible(built())).await;
            settle(async { lost::<u8>() }.in_span_infallible(built())).await;
            settle(tokio::time::timeout(ms(0), pending::<u8>().in_span_infallible(built()))).await;
            settle(span(name, Metadata::new(), async { (1, Metadata::new()) })).await;
            settle(span(name, Metadata::new(), async { lost::<(u8, Metadata)>() })).await;
            span_sync(name, Metadata::new(), || (1, Metadata::new()));
            built().start().complete();
            built().start().error("http_500", "overloaded");
            built().start().cancel();
            drop(built().start());
        };
        capture.scope(all).await;
        assert_all_keep_their_promise(&capture, name, name == SpanName::Stream, 12);
    }
}

#[tokio::test]
async fn a_spans_keys_are_the_same_however_its_stream_ends() {
    type Items = stream::Iter<std::vec::IntoIter<Answer<u8>>>;
    for &name in SpanName::ALL {
        let capture = Capture::new();
        let built = || span_of(name);
        let items =
            |error: bool| -> Items { stream::iter(vec![Ok(1), if error { Err(refused()) } else { Ok(2) }]) };
        let all = async {
            items(false).in_span(built()).count().await;
            items(true).in_span(built()).count().await;
            items(false).in_span(built()).take(1).count().await;
            drop(items(false).in_span(built()));
            settle(items(false).map(|_| lost::<u8>()).in_span_infallible(built()).count()).await;
            built().open(ready(Answer::Ok(items(false)))).await.unwrap().count().await;
            settle(built().open(ready(Answer::<Items>::Err(refused())))).await;
            settle(built().open(async { lost::<Answer<Items>>() })).await;
            settle(tokio::time::timeout(ms(0), built().open(pending::<Answer<Items>>()))).await;
        };
        capture.scope(all).await;
        assert_all_keep_their_promise(&capture, name, true, 9);
    }
}

#[tokio::test]
async fn when_it_failed_counts_are_0_and_results_null() {
    for &name in SpanName::ALL {
        let capture = Capture::new();
        let _ = capture.scope(ready(Answer::<u8>::Err(refused())).in_span(span_of(name))).await;
        let stop = end_of(&capture, name);
        let counts = name.row().measurements.iter().filter(|key| !STREAM_MEASUREMENTS.contains(key));
        counts.for_each(|key| assert_eq!(measurement(&stop, key), 0, "{name} {key}"));
        for key in name.row().result_keys {
            let expected: Value = match *key {
                "attempts" => 1.into(),
                "usage_status" => "unknown".into(),
                _ => Value::Null,
            };
            assert_eq!(value(&stop, key), expected, "{name} {key}");
        }
    }
}

#[tokio::test]
async fn start_keys_have_the_values_they_were_given() {
    let capture = Capture::new();
    let all = async {
        for &name in SpanName::ALL {
            ready(()).in_span_infallible(span_of(name)).await;
        }
    };
    capture.scope(all).await;
    let told: Vec<(&str, Value)> = SpanName::ALL
        .iter()
        .flat_map(|&name| {
            let start = the(&capture, name, Phase::Start);
            name.row().start_keys.iter().map(move |key| (*key, value(&start, key)))
        })
        .collect();
    let expected: Vec<(&str, Value)> = vec![
        ("tool_call_id", "call_1".into()),
        ("tool_name", "search".into()),
        ("operation", "generate".into()),
        ("n", 2.into()),
        ("input_count", 3.into()),
        ("input_count", 4.into()),
        ("multimodal", true.into()),
        ("question_count", 5.into()),
        ("input_length", 6.into()),
        ("audio_mime", "audio/wav".into()),
        ("data_source", "handbook".into()),
        ("top_k", 7.into()),
        ("document_count", 8.into()),
    ];
    assert_eq!(told, expected);
}

#[test]
fn every_span_that_has_a_row_is_in_the_list_of_all() {
    // `row` is an exhaustive match, so its arms are the spans that there are.
    let rows = include_str!("../../src/event/span_name.rs").matches("=> &SpanRow {").count();
    assert_eq!(SpanName::ALL.len(), rows);
}

#[test]
fn the_catalogue_is_the_one_of_the_contract() {
    let told = |name: SpanName| {
        let row = name.row();
        [row.start_keys, row.measurements, row.result_keys].map(|keys| keys.join(" ")).join(" | ")
    };
    let calls = "response usage usage_status response_model response_id finish_reasons attempts";
    assert_eq!(told(SpanName::Generate), format!(" |  | {calls}"));
    assert_eq!(told(SpanName::Stream), format!(" | {} | {calls}", STREAM_MEASUREMENTS.join(" ")));
    assert_eq!(told(SpanName::Step), " |  | step_result");
    assert_eq!(told(SpanName::Chat), " |  | chat_result");
    assert_eq!(told(SpanName::Tool), "tool_call_id tool_name |  | result");
    assert_eq!(told(SpanName::Image), "operation n | image_count | response usage usage_status attempts");
    assert_eq!(
        told(SpanName::Embed),
        "input_count | embedding_count batch_count | response usage usage_status attempts"
    );
    let moderate =
        "input_count multimodal | result_count flagged_count | response usage usage_status attempts";
    assert_eq!(told(SpanName::Moderate), moderate);
    assert_eq!(
        told(SpanName::Classify),
        "question_count | answer_count | response usage usage_status attempts"
    );
    assert_eq!(
        told(SpanName::Synthesize),
        "input_length | audio_bytes | response usage usage_status attempts"
    );
    assert_eq!(told(SpanName::Transcribe), "audio_mime | text_length | response usage usage_status attempts");
    assert_eq!(told(SpanName::Retrieve), "data_source top_k | document_count | documents");
    assert_eq!(
        told(SpanName::Rerank),
        "document_count | result_count | documents usage usage_status attempts"
    );
}

#[tokio::test]
async fn optional_start_keys_stand_only_when_they_were_set_and_on_every_event() {
    let capture = Capture::new();
    let full = Span::stream()
        .provider("azure")
        .agent_name("weather bot")
        .conversation_id("conv_1")
        .server_address("api.example.com")
        .server_port(443)
        .temperature(0.5)
        .top_p(0.9)
        .top_k(40)
        .max_tokens(100)
        .seed(-7)
        .frequency_penalty(0.1)
        .presence_penalty(0.2)
        .stop_sequences(["END"]);
    capture.scope(async { stream::iter([1]).in_span_infallible(full).count().await }).await;
    let expected: [(&str, Value); 13] = [
        ("provider", "azure".into()),
        ("agent_name", "weather bot".into()),
        ("conversation_id", "conv_1".into()),
        ("server_address", "api.example.com".into()),
        ("server_port", 443.into()),
        ("temperature", 0.5.into()),
        ("top_p", 0.9.into()),
        ("top_k", 40.into()),
        ("max_tokens", 100.into()),
        ("seed", (-7).into()),
        ("frequency_penalty", 0.1.into()),
        ("presence_penalty", 0.2.into()),
        ("stop_sequences", vec!["END"].into()),
    ];
    assert_eq!(capture.events().len(), 3);
    for event in capture.events() {
        expected.iter().for_each(|(key, set)| assert_eq!(value(&event, key), *set, "{key} of {event:?}"));
        keys(&event.as_event());
    }
}

#[tokio::test]
async fn end_metadata_is_start_metadata_with_the_results_merged_over_it() {
    let capture = Capture::new();
    let span = Span::chat().engine("rig").metadata("tenant", "acme").metadata("cache", "unknown");
    let span = span.observe(|_: &(), stop| stop.metadata("cache", "hit")).input(|| "hello");
    capture.scope(async {}.in_span_infallible(span)).await;
    let (start, stop) = (the(&capture, SpanName::Chat, Phase::Start), end_of(&capture, SpanName::Chat));
    for entry in start.as_event().metadata_entries().filter(|entry| entry.key != "cache") {
        assert_eq!(value(&stop, entry.key), entry.value.to_value());
    }
    assert_eq!((text(&start, "cache"), text(&stop, "cache")), ("unknown".into(), "hit".into()));
}

#[tokio::test]
async fn the_standard_keys_and_measurements_win_over_the_users() {
    let capture = Capture::new();
    let names = [
        "span_id",
        "parent_span_id",
        "outcome",
        "error",
        "error_type",
        "usage",
        "usage_status",
        "kind",
        "tool_name",
    ];
    let names = || names.iter().chain(OPTIONAL_END_KEYS).copied();
    let span = names().fold(Span::tool("search", "call_1"), |span, key| match key {
        "tool_name" => span,
        _ => span.metadata(key, "forged"),
    });
    let span = span.observe(|_: &(), stop| {
        for key in names().chain(["request_id", "engine", "result", "input"]) {
            stop.metadata(key, "forged");
        }
        for key in ["duration", "monotonic_time", "chunk_count", "producer_wait"] {
            stop.measurement(key, u64::MAX);
        }
    });
    capture.scope(async {}.in_span_infallible(span)).await;
    capture.events().iter().for_each(|event| assert_keeps_its_promise(event, false));
    let stop = end_of(&capture, SpanName::Tool);
    assert!(
        stop.as_event().metadata_entries().all(|entry| entry.value.as_str() != Some("forged")),
        "{stop:?}"
    );
    assert!(measurement(&stop, "duration") < u64::MAX);
}

#[tokio::test]
async fn a_span_counts_what_its_observer_counted() {
    let capture = Capture::new();
    let span = Span::embed(3).observe(|vectors: &Vec<u8>, stop| {
        stop.measurement("embedding_count", vectors.len());
        stop.measurement("batch_count", 1);
        stop.measurement("gateway_fee", 0.5);
    });
    capture.scope(ready(vec![1, 2, 3]).in_span_infallible(span)).await;
    let stop = end_of(&capture, SpanName::Embed);
    assert_eq!((measurement(&stop, "embedding_count"), measurement(&stop, "batch_count")), (3, 1));
    let own: Vec<_> = stop.as_event().measurements().filter(|it| it.from_user).map(|it| it.key).collect();
    assert_eq!(own, ["gateway_fee"]);
}
