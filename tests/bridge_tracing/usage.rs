//! Tokens stand on one span of a nested pair, and where the user wants them.

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::{
    Usage,
    convention::{Convention, Profile},
    prelude::*,
};
use futures::{StreamExt as _, stream};

use crate::recorded;
use crate::recorder::Fields;

const TOKENS: &str = "gen_ai.usage.input_tokens";

fn reports<T: ?Sized>(_: &T, record: &mut Record<'_>) {
    record.usage(Usage::new().input(12_u64).output(3_u64));
}

/// A generate that wraps a stream, and both know the tokens.
async fn generate_around_a_stream() {
    let chunks = async {
        let chunks = stream::iter([1]).in_span_infallible(Span::stream().observe(
            |chunk: &i32, record: &mut Record<'_>| {
                reports(chunk, record);
            },
        ));
        assert_eq!(chunks.count().await, 1);
    };
    chunks
        .in_span_infallible(Span::generate().observe(|(): &(), record: &mut Record<'_>| reports(&(), record)))
        .await;
}

fn has_tokens(fields: &Fields) -> bool {
    fields.keys().any(|key| key.contains("usage.") || key.contains("token_count"))
}

#[tokio::test]
async fn a_generate_that_wraps_a_stream_leaves_the_tokens_to_it() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    telemetry.scope(generate_around_a_stream()).await;
    assert_eq!(recorder.the("stream")[TOKENS], "12 i64");
    assert!(!has_tokens(&recorder.the("generate")), "{:?}", recorder.the("generate"));
}

#[tokio::test]
async fn a_call_of_another_family_has_its_own_tokens() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let silent = async { generate_around_a_stream().await }.in_span_infallible(Span::classify(1));
    let span = Span::embed(1).observe(|(): &(), record: &mut Record<'_>| reports(&(), record));
    telemetry.scope(silent.in_span_infallible(span)).await;
    assert!(has_tokens(&recorder.the("stream")) && has_tokens(&recorder.the("embed")));
}

#[tokio::test]
async fn a_call_whose_inner_call_knows_no_tokens_tells_its_own() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let inner = async { async {}.in_span_infallible(Span::embed(1)).await };
    let span = Span::generate().observe(|(): &(), record: &mut Record<'_>| reports(&(), record));
    telemetry.scope(inner.in_span_infallible(span)).await;
    assert_eq!(recorder.the("generate")[TOKENS], "12 i64");
}

#[tokio::test]
async fn tokens_are_left_out_where_another_bridge_sends_them() {
    let (telemetry, recorder, _guard) =
        recorded(Tracing::new().convention(Convention::new().without_usage()));
    telemetry.scope(generate_around_a_stream()).await;
    assert!(!has_tokens(&recorder.the("stream")) && !has_tokens(&recorder.the("generate")));
    assert_eq!(recorder.the("stream")["allm.usage_status"], "reported");
}

#[tokio::test]
async fn a_profile_alone_sends_its_own_names_and_ours() {
    let convention = Convention::new().profiles([Profile::OpenInference]);
    let (telemetry, recorder, _guard) = recorded(Tracing::new().convention(convention));
    telemetry.scope(generate_around_a_stream()).await;
    let fields = recorder.the("stream");
    assert_eq!(fields["llm.token_count.prompt"], "12 i64");
    assert!(fields.keys().all(|key| !key.starts_with("gen_ai.")), "{fields:?}");
}
