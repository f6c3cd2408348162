//! Each of our spans is one of the subscriber's, with its fields, its parent and its end.

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::testing::Capture;
use allm_telemetry::{Usage, event::Phase, prelude::*};
use tracing::info;

use crate::recorded;
use crate::support::*;

fn generate() -> Span {
    Span::generate().engine("openai").model("gpt-5")
}

#[tokio::test]
async fn a_chat_with_a_step_with_a_call_and_a_tool_is_a_tree() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let step = async {
        async { info!("asking") }.in_span_infallible(generate()).await;
        async {}.in_span_infallible(Span::tool("search", "call_1")).await;
    };
    telemetry
        .scope(async { step.in_span_infallible(Span::step()).await }.in_span_infallible(Span::chat()))
        .await;
    let expected = [
        "new chat in nothing",
        "new step in chat",
        "new generate in step",
        "event asking in generate < step < chat",
        "close generate",
        "new tool in step",
        "close tool",
        "close step",
        "close chat",
    ];
    assert_eq!(recorder.story(), expected);
}

#[tokio::test]
async fn a_call_has_its_name_its_kind_and_the_fields_of_both_profiles() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let span = generate().observe(|_: &(), record: &mut Record<'_>| {
        record.usage(Usage::new().input(12_u64).output(3_u64));
        record.response_model("gpt-5-2026");
    });
    telemetry.scope(async {}.in_span_infallible(span)).await;
    let fields = recorder.the("generate");
    let expected = [
        ("otel.name", "chat gpt-5"),
        ("otel.kind", "client"),
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "gpt-5"),
        ("gen_ai.response.model", "gpt-5-2026"),
        ("gen_ai.usage.input_tokens", "12 i64"),
        ("gen_ai.usage.output_tokens", "3 i64"),
        ("openinference.span.kind", "LLM"),
        ("llm.token_count.total", "15 i64"),
        ("allm.outcome", "completed"),
        ("allm.attempts", "1 i64"),
    ];
    for (key, value) in expected {
        assert_eq!(fields.get(key).map(String::as_str), Some(value), "{key} of {fields:?}");
    }
    assert!(!fields.contains_key("otel.status_code") && !fields.contains_key("error.type"));
}

#[tokio::test]
async fn an_error_has_its_class_and_a_status_and_no_text() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    telemetry.scope(async { Answer::<()>::Err(refused()) }.in_span(generate())).await.unwrap_err();
    let fields = recorder.the("generate");
    assert_eq!((&*fields["otel.status_code"], &*fields["allm.outcome"]), ("ERROR", "error"));
    assert_eq!(fields["error.type"], "io::Error");
    assert!(!fields.contains_key("otel.status_description"), "{fields:?}");
}

#[tokio::test]
async fn a_span_has_the_ids_of_its_events() {
    let (telemetry, recorder, _guard) = recorded(Tracing::new());
    let capture = Capture::on(telemetry).unwrap();
    capture.scope(async {}.in_span_infallible(Span::generate())).await;
    let start = the(&capture, SpanName::Generate, Phase::Start);
    let fields = recorder.the("generate");
    assert_eq!(fields["allm.request_id"], request_of(&start));
    assert_eq!(fields["allm.span_id"], start.as_event().span_id().unwrap().to_string());
}
