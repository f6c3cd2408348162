//! Target, level and keys of the user's: what a filter and a policy can do with our spans.

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::{Policy, convention::Convention, event::Metadata, prelude::*};
use tracing::dispatcher::{Dispatch, set_default};
use tracing::{Level, info};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::Registry;

use crate::recorder::Recorder;
use crate::{attached, recorded};

/// What a subscriber with this filter sees of a call that logs.
async fn seen_through(tracing: Tracing, filter: Targets, for_all: bool) -> Vec<String> {
    let recorder = Recorder::new();
    let dispatch = if for_all {
        Dispatch::new(Registry::default().with(recorder.clone()).with(filter))
    } else {
        Dispatch::new(Registry::default().with(recorder.clone().with_filter(filter)))
    };
    let _guard = set_default(&dispatch);
    attached(tracing)
        .scope(async { async { info!("asking") }.in_span_infallible(Span::generate()).await })
        .await;
    recorder.story()
}

const ALONE: [&str; 1] = ["event asking in nothing"];
const INSIDE: [&str; 3] = ["new generate in nothing", "event asking in generate", "close generate"];

#[tokio::test]
async fn a_filter_for_the_users_crate_alone_silences_our_spans_and_nothing_else() {
    for for_all in [true, false] {
        let own = Targets::new().with_target(module_path!(), Level::DEBUG);
        let both = own.clone().with_target(Tracing::TARGET, Level::INFO);
        assert_eq!(seen_through(Tracing::new(), own.clone(), for_all).await, ALONE);
        assert_eq!(seen_through(Tracing::new(), both.clone(), for_all).await, INSIDE);
        assert_eq!(seen_through(Tracing::new().level(Level::DEBUG), both, for_all).await, ALONE);
        let ours_as_theirs = Tracing::new().target(concat!(module_path!(), "::llm")).level(Level::DEBUG);
        assert_eq!(seen_through(ours_as_theirs, own, for_all).await, INSIDE);
    }
}

#[tokio::test]
async fn keys_of_the_users_own_are_fields_when_they_are_named() {
    let policy = Policy::new().user_keys(["tenant", "cost", "otel.name"]);
    let convention = Convention::new().policy(policy);
    let (telemetry, recorder, _guard) = recorded(Tracing::new().convention(convention));
    let span = Span::generate().metadata("tenant", "acme").metadata("secret", "hunter2");
    let span = span
        .metadata("otel.name", "not for the user to say")
        .observe(|(): &(), record: &mut Record<'_>| record.metadata("cost", 7_u64));
    telemetry.scope(async {}.in_span_infallible(span)).await;
    let fields = recorder.the("generate");
    assert_eq!((&*fields["tenant"], &*fields["cost"]), ("acme", "7 i64"));
    assert!(!fields.contains_key("secret"), "{fields:?}");
    assert_eq!(fields["otel.name"], "chat");
}

#[tokio::test]
async fn more_keys_of_the_users_own_than_fit_at_once_all_arrive() {
    let keys: Vec<String> = (0..200).map(|number| format!("key{number}")).collect();
    let policy = Policy::new().user_keys(keys.clone());
    let convention = Convention::new().policy(policy);
    let (telemetry, recorder, _guard) = recorded(Tracing::new().convention(convention));
    let all: Metadata = keys.iter().map(|key| (key.clone(), key.clone())).collect();
    telemetry
        .run(|| allm_telemetry::span_sync(allm_telemetry::SpanName::Chat, all, || ((), Metadata::new())));
    let fields = recorder.the("chat");
    assert!(keys.iter().all(|key| fields.get(key) == Some(key)), "{fields:?}");
}
