//! Whatever an observer records, and however a span ends: an end has the keys of the catalogue and the optional ones that are known,
//! and no others.

use std::collections::BTreeSet;
use std::future::{Future, pending, ready};
use std::panic::AssertUnwindSafe;

use super::catalogue::promised;
use crate::support::*;
use allm_telemetry::{
    Record, SpanName, Usage,
    event::{ChunkKind, OwnedEvent},
    prelude::*,
    testing::Capture,
};
use futures::{FutureExt as _, StreamExt as _, stream};
use proptest::prelude::*;
use proptest::sample::select;

/// What an observer records.
#[derive(Clone, Copy, Debug)]
enum Step {
    Usage,
    UsageWithCost,
    UsageWithIssue,
    Cost(f64),
    RequestId(&'static str),
    Kind(ChunkKind),
    ContentFree,
    Output,
    /// A key of the metadata that is not the user's to set.
    ForgedKey(&'static str),
    /// A measurement that is not the user's to take.
    ForgedMeasurement(&'static str),
}

fn record(steps: &[Step], record: &mut Record<'_>) {
    for step in steps {
        match *step {
            Step::Usage => record.usage(Usage::new().output(7)),
            Step::UsageWithCost => record.usage(Usage::new().cost(0.02)),
            Step::UsageWithIssue => record.usage(Usage::new().input(5).cached(9)),
            Step::Cost(usd) => record.cost_usd(usd),
            Step::RequestId(id) => record.provider_request_id(id),
            Step::Kind(kind) => record.chunk_kind(kind),
            Step::ContentFree => record.content_free(),
            Step::Output => record.push_output(|| "text"),
            Step::ForgedKey(key) => record.metadata(key, "forged"),
            Step::ForgedMeasurement(key) => record.measurement(key, 1),
        }
    }
}

/// The optional keys that these steps make known: measurements, then metadata.
fn known(name: SpanName, steps: &[Step], in_chunk: bool) -> [BTreeSet<String>; 2] {
    let [mut measurements, mut metadata] = [BTreeSet::new(), BTreeSet::new()];
    let content_free = steps.iter().any(|step| matches!(step, Step::ContentFree));
    for step in steps {
        let is_usage = matches!(step, Step::Usage | Step::UsageWithCost | Step::UsageWithIssue);
        if is_usage && matches!(name, SpanName::Chat | SpanName::Step) {
            metadata.insert("usage");
        }
        match *step {
            Step::UsageWithIssue => drop(metadata.insert("usage_issue")),
            Step::RequestId(id) if !id.is_empty() => drop(metadata.insert("provider_request_id")),
            Step::Output => drop(metadata.insert("output")),
            Step::Kind(ChunkKind::Answer) if in_chunk && !content_free => {
                measurements.insert("time_to_first_answer");
            }
            Step::Kind(ChunkKind::Reasoning) if in_chunk && !content_free => {
                measurements.insert("time_to_first_reasoning");
            }
            Step::UsageWithCost => {
                measurements.insert("cost_usd");
                metadata.insert("cost_source");
            }
            Step::Cost(usd) if usd >= 0.0 => {
                measurements.insert("cost_usd");
                metadata.insert("cost_source");
            }
            _ => {}
        }
    }
    [measurements, metadata].map(|keys| keys.into_iter().map(str::to_owned).collect())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let keys = ["usage", "usage_issue", "usage_status", "cost_source", "provider_request_id", "outcome"];
    let measurements = ["time_to_first_answer", "time_to_first_reasoning", "duration", "chunk_count"];
    let step = prop_oneof![
        Just(Step::Usage),
        Just(Step::UsageWithCost),
        Just(Step::UsageWithIssue),
        select(vec![0.0, 0.5, -1.0, f64::NAN]).prop_map(Step::Cost),
        select(vec!["req_1", ""]).prop_map(Step::RequestId),
        select(vec![ChunkKind::Answer, ChunkKind::Reasoning, ChunkKind::ToolCall]).prop_map(Step::Kind),
        Just(Step::ContentFree),
        Just(Step::Output),
        select(keys.to_vec()).prop_map(Step::ForgedKey),
        select(measurements.to_vec()).prop_map(Step::ForgedMeasurement),
    ];
    prop::collection::vec(step, 0..6)
}

/// Runs to its end or to its panic, whichever comes.
async fn settle<F: Future>(work: F) {
    let _ = AssertUnwindSafe(work).catch_unwind().await;
}

/// How a span ends. The observer has run once in each of them, but for the last two.
const PATHS: usize = 12;
const OBSERVED_PATHS: usize = 10;

/// Takes a path; returns whether the span has the measurements of a stream.
async fn take(path: usize, name: SpanName, steps: &[Step]) -> bool {
    type Items = stream::Iter<std::vec::IntoIter<Answer<u8>>>;
    let span = || {
        span_of(name).observe(|item: &u8, it| {
            if *item == 1 {
                record(steps, it)
            }
        })
    };
    let items = |rest: Vec<Answer<u8>>| -> Items {
        stream::iter([Ok(1)].into_iter().chain(rest).collect::<Vec<_>>())
    };
    match path {
        0 => settle(ready(Answer::Ok(1)).in_span(span())).await,
        1 => {
            let mut active = span_of(name).start();
            active.record(|it| record(steps, it));
            active.error("http_500", "overloaded");
        }
        2 => {
            let mut active = span_of(name).start();
            active.record(|it| record(steps, it));
            active.cancel();
        }
        3 => {
            let mut active = span_of(name).start();
            active.record(|it| record(steps, it));
            settle(async { active.enter(lost::<()>) }).await;
        }
        4 => {
            let mut active = span_of(name).start();
            active.chunk(|it| record(steps, it));
        }
        5 => drop(items(vec![Ok(2)]).in_span(span()).count().await),
        6 => drop(items(vec![Err(refused())]).in_span(span()).count().await),
        7 => drop(items(vec![Ok(2)]).in_span(span()).take(1).count().await),
        8 => {
            let torn = items(vec![Ok(2)]).map(|item| if matches!(item, Ok(1)) { item } else { lost() });
            settle(torn.in_span(span()).count()).await;
        }
        9 => drop(span().open(ready(Answer::Ok(items(vec![])))).await.unwrap().count().await),
        10 => settle(ready(Answer::<u8>::Err(refused())).in_span(span())).await,
        _ => settle(tokio::time::timeout(ms(0), pending::<Answer<u8>>().in_span(span()))).await,
    }
    name == SpanName::Stream || (4..=9).contains(&path)
}

/// The measurements and the metadata of the end.
fn keys_of(end: &OwnedEvent) -> [BTreeSet<String>; 2] {
    let end = end.as_event();
    [end.measurements(), end.metadata_entries()].map(|entries| {
        let all: Vec<_> = entries.inspect(|entry| assert!(!entry.from_user, "{}", entry.key)).collect();
        let keys: BTreeSet<_> = all.iter().map(|entry| entry.key.to_owned()).collect();
        assert_eq!(keys.len(), all.len(), "a key is there twice: {end:?}");
        keys
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_end_has_the_keys_of_the_catalogue_and_the_optional_ones_that_are_known(
        name in select(SpanName::ALL.to_vec()),
        path in 0..PATHS,
        steps in steps(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let capture = Capture::new();
        let on_stream = runtime.block_on(capture.scope(take(path, name, &steps)));
        let end = end_of(&capture, name);
        let seen = if path < OBSERVED_PATHS { &*steps } else { &[] };
        let (measurements, metadata) = promised(name, end.as_event().phase().unwrap(), on_stream);
        let [optional_measurements, optional_metadata] = known(name, seen, (4..=9).contains(&path));
        let expected = [
            measurements.into_iter().chain(optional_measurements).collect(),
            metadata.into_iter().chain(optional_metadata).collect(),
        ];
        prop_assert_eq!(keys_of(&end), expected);
    }
}
