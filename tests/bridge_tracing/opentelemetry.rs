//! Through tracing-opentelemetry, as its users see our spans.

use std::pin::pin;
use std::time::Duration;

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::testing::Capture;
use allm_telemetry::{Usage, prelude::*};
use futures::{StreamExt as _, stream};
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::dispatcher::{DefaultGuard, Dispatch, set_default};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;

use crate::support::*;

/// A capture with the bridge beside it, and what is exported.
struct Traced {
    capture: Capture,
    exporter: InMemorySpanExporter,
    _guard: DefaultGuard,
}

impl Traced {
    fn new() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let capture = Capture::new();
        Tracing::new().attach("tracing", capture.telemetry()).unwrap();
        let _guard = set_default(&Dispatch::new(Registry::default().with(layer)));
        Self { capture, exporter, _guard }
    }

    fn spans(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().unwrap()
    }

    #[track_caller]
    fn the(&self, name: &str) -> SpanData {
        let mut spans = self.spans();
        spans.retain(|span| span.name == name);
        assert_eq!(spans.len(), 1, "one {name}");
        spans.remove(0)
    }
}

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|it| it.key.as_str() == key).map(|it| format!("{:?}", it.value))
}

#[tokio::test]
async fn a_conversation_is_one_trace_of_named_spans_with_kinds() {
    let traced = Traced::new();
    let usage = |(): &(), record: &mut Record<'_>| record.usage(Usage::new().input(12_u64).output(3_u64));
    let chat = async {
        async {}.in_span_infallible(Span::generate().model("gpt-5").observe(usage)).await;
        allm_telemetry::spawn(async {}.in_span_infallible(Span::tool("search", "1"))).await.unwrap();
    };
    traced.capture.scope(chat.in_span_infallible(Span::chat().agent_name("planner"))).await;
    let (chat, call, tool) =
        (traced.the("invoke_agent planner"), traced.the("chat gpt-5"), traced.the("execute_tool search"));
    assert_eq!(chat.parent_span_id, SpanId::INVALID);
    for span in [&call, &tool] {
        assert_eq!(span.parent_span_id, chat.span_context.span_id());
        assert_eq!(span.span_context.trace_id(), chat.span_context.trace_id());
    }
    assert_eq!((&call.span_kind, &tool.span_kind), (&SpanKind::Client, &SpanKind::Internal));
    assert_eq!(attribute(&call, "gen_ai.usage.input_tokens").as_deref(), Some("I64(12)"));
    assert_eq!(call.status, Status::Unset);
}

#[tokio::test]
async fn an_error_sets_the_status_and_a_retry_is_an_event_that_does_not() {
    let traced = Traced::new();
    let fails = async { Answer::<()>::Err(refused()) }.in_span(Span::generate().model("a"));
    traced.capture.scope(fails).await.unwrap_err();
    let retried = async { allm_telemetry::adapter_retry(1, ms(5), "reset") };
    traced.capture.scope(retried.in_span_infallible(Span::generate().model("b"))).await;
    assert_eq!(traced.the("chat a").status, Status::error(""));
    let retried = traced.the("chat b");
    assert_eq!(retried.status, Status::Unset);
    let names: Vec<_> = retried.events.iter().map(|event| &*event.name).collect();
    assert_eq!(names, ["allm.adapter.retry"]);
}

#[tokio::test]
async fn our_span_is_the_current_one_of_opentelemetry_too() {
    let traced = Traced::new();
    let look = async { opentelemetry::Context::current().span().span_context().span_id() };
    let seen = traced.capture.scope(look.in_span_infallible(Span::generate())).await;
    assert_eq!(seen, traced.the("chat").span_context.span_id());
}

/// How far the exported durations are from ours, at best: the machine may stop us between two clocks.
async fn least_difference<F: Future<Output = ()>>(call: impl Fn() -> F) -> Duration {
    let traced = Traced::new();
    for _ in 0..10 {
        traced.capture.scope(call()).await;
    }
    let mut ends = traced.capture.events();
    ends.retain(|event| event.as_event().outcome().is_some());
    let ours = ends.iter().map(|event| event.as_event().duration().unwrap());
    let theirs = traced.spans().into_iter();
    let theirs: Vec<_> = theirs.map(|span| span.end_time.duration_since(span.start_time).unwrap()).collect();
    assert_eq!((ends.len(), theirs.len()), (10, 10));
    ours.zip(theirs).map(|(ours, theirs)| ours.abs_diff(theirs)).min().unwrap()
}

const WITHIN: Duration = Duration::from_millis(1);

#[tokio::test]
async fn the_exported_duration_of_a_future_is_ours_to_the_millisecond() {
    let call = || pause(5).in_span_infallible(Span::generate());
    assert!(least_difference(call).await < WITHIN);
}

#[tokio::test]
async fn the_exported_duration_of_a_stream_that_its_reader_keeps_and_drops_is_ours_to_the_millisecond() {
    let call = || async {
        let mut chunks = pin!(stream::iter([1, 2]).in_span_infallible(Span::stream()));
        chunks.next().await;
        pause(5).await;
    };
    assert!(least_difference(call).await < WITHIN);
}

#[tokio::test]
async fn the_exported_duration_of_a_span_that_is_driven_by_hand_is_ours_to_the_millisecond() {
    let call = || async {
        let mut span = Span::generate().start();
        span.enter(|| {});
        pause(5).await;
        span.complete();
    };
    assert!(least_difference(call).await < WITHIN);
}

#[tokio::test]
async fn the_exported_duration_of_a_call_whose_span_never_was_entered_is_ours_to_the_millisecond() {
    let call = || async {
        let span = Span::generate().start();
        pause(5).await;
        span.complete();
    };
    assert!(least_difference(call).await < WITHIN);
}
