//! Both bridges at once, the one to `tracing` through tracing-opentelemetry: each call shows twice, its tokens once.

use allm_telemetry::bridge::{otel::Otel, tracing::Tracing};
use allm_telemetry::convention::Convention;
use allm_telemetry::testing::Capture;
use allm_telemetry::{Usage, prelude::*};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::dispatcher::{Dispatch, set_default};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;

fn has_tokens(span: &SpanData) -> bool {
    span.attributes.iter().any(|it| it.key.as_str() == "gen_ai.usage.input_tokens")
}

#[tokio::test]
async fn each_call_shows_twice_each_time_in_a_whole_tree_and_its_tokens_once() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let _guard = set_default(&Dispatch::new(Registry::default().with(layer)));
    let capture = Capture::new();
    Tracing::new()
        .convention(Convention::new().without_usage())
        .attach("tracing", capture.telemetry())
        .unwrap();
    Otel::new()
        .tracer_provider(provider.clone())
        .without_metrics()
        .attach("otel", capture.telemetry())
        .unwrap();

    let usage = |(): &(), record: &mut Record<'_>| record.usage(Usage::new().input(12_u64));
    let chat = async {
        allm_telemetry::spawn(async {}.in_span_infallible(Span::generate().model("gpt-5").observe(usage)))
            .await
            .unwrap();
    };
    capture.scope(chat.in_span_infallible(Span::chat())).await;

    capture.assert_balanced();
    assert!(capture.named("telemetry.handler.failure").is_empty());
    let spans = exporter.get_finished_spans().unwrap();
    let mut names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["chat gpt-5", "chat gpt-5", "invoke_agent", "invoke_agent"]);
    assert_eq!(spans.iter().filter(|span| has_tokens(span)).count(), 1);
    let (calls, chats): (Vec<_>, Vec<_>) = spans.iter().partition(|span| span.name == "chat gpt-5");
    for call in calls {
        let parents = chats.iter().filter(|chat| {
            chat.span_context.span_id() == call.parent_span_id
                && chat.span_context.trace_id() == call.span_context.trace_id()
        });
        assert_eq!(parents.count(), 1, "{call:?}");
    }
}
