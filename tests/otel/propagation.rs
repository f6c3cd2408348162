//! Traces that come from another process and go to the next.

use std::collections::HashMap;

use allm_telemetry::{Context, prelude::*, propagation::Propagation};
use opentelemetry::Context as OtelContext;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{FutureExt as _, SpanId, TraceContextExt as _, Tracer as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SpanData;

use crate::world::World;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn received(parent: &str) -> Context {
    let headers =
        HashMap::from([("traceparent", parent), ("tracestate", "vendor=1"), ("x-request-id", "req-42")]);
    Context::current().extract(&Propagation::new(), |name| headers.get(name))
}

/// The headers that a request to the next process has here.
fn sent() -> HashMap<String, String> {
    let mut headers = HashMap::new();
    Context::current().inject(&Propagation::new(), |name, value| {
        headers.insert(name.to_owned(), value.to_owned());
    });
    headers
}

/// The headers that a call sends.
async fn call() -> HashMap<String, String> {
    async { sent() }.in_span_infallible(Span::generate()).await
}

fn parent_of(span: &SpanData) -> String {
    format!("{} {}", span.span_context.trace_id(), span.parent_span_id)
}

fn place_of(span: &SpanData) -> String {
    format!("{} {}", span.span_context.trace_id(), span.span_context.span_id())
}

#[tokio::test]
async fn the_outermost_span_of_a_request_is_a_child_of_the_remote_one_and_those_inside_are_nested_in_it() {
    let world = World::new();
    let handle = async { received(PARENT).scope(call().in_span_infallible(Span::chat())).await };
    let sent = world.run(handle).await;
    let (chat, call) = (world.span("invoke_agent"), world.span("chat"));
    assert_eq!(parent_of(&chat), format!("{TRACE_ID} 00f067aa0ba902b7"));
    assert!(chat.parent_span_is_remote);
    assert_eq!(parent_of(&call), place_of(&chat));
    // The call is the parent of what the next process does, in the request of the caller.
    assert_eq!(sent["traceparent"], format!("00-{TRACE_ID}-{}-01", call.span_context.span_id()));
    assert_eq!((sent["tracestate"].as_str(), sent["x-request-id"].as_str()), ("vendor=1", "req-42"));
}

#[tokio::test]
async fn a_trace_that_begins_here_is_sent_as_opentelemetrys_own_propagator_reads_it() {
    let world = World::new();
    let sent = world
        .run(async {
            tokio::spawn(call()).await.unwrap();
            call().await
        })
        .await;
    let read = TraceContextPropagator::new().extract(&sent);
    let spans = world.spans();
    let call = spans.last().unwrap();
    assert_eq!(read.span().span_context().span_id(), call.span_context.span_id());
    assert_eq!(read.span().span_context().trace_id(), call.span_context.trace_id());
    assert!(read.span().span_context().is_sampled());
}

#[tokio::test]
async fn what_the_caller_does_not_sample_is_not_sampled_here_and_there() {
    let world = World::new();
    let unsampled = PARENT.replace("-01", "-00");
    let sent = world.run(async { received(&unsampled).scope(call()).await }).await;
    assert!(world.spans().is_empty());
    assert!(
        sent["traceparent"].starts_with(&format!("00-{TRACE_ID}-")) && sent["traceparent"].ends_with("-00")
    );
}

#[tokio::test]
async fn a_request_that_is_received_inside_a_span_belongs_to_its_own_trace() {
    let world = World::new();
    let consumer = async {
        let own = sent();
        let forwarded = received(OTHER).scope(async { sent() }).await;
        received(OTHER).scope(call()).await;
        (own, forwarded)
    };
    let handle = async { received(PARENT).scope(consumer.in_span_infallible(Span::chat())).await };
    let (own, forwarded) = world.run(handle).await;
    let (chat, call) = (world.span("invoke_agent"), world.span("chat"));
    assert_eq!(parent_of(&chat), format!("{TRACE_ID} 00f067aa0ba902b7"));
    assert_eq!(parent_of(&call), "0af7651916cd43dd8448eb211c80319c b7ad6b7169203331");
    assert_eq!(own["traceparent"], format!("00-{TRACE_ID}-{}-01", chat.span_context.span_id()));
    assert_eq!(forwarded["traceparent"], OTHER, "no span of the other trace has started yet");
}

#[tokio::test]
async fn a_span_of_the_application_is_nearer_than_the_remote_one() {
    let world = World::new();
    let handle = async {
        let server = world.tracer().start("POST /chat");
        let server = OtelContext::current_with_span(server);
        received(PARENT).scope(call().with_context(server)).await
    };
    world.run(handle).await;
    assert_eq!(world.tree(), ["POST /chat < nothing", "chat < POST /chat"]);
}

#[tokio::test]
async fn without_spans_of_its_own_the_bridge_sends_on_the_trace_that_was_received() {
    for world in [World::with(|otel| otel.without_spans()), World::detached()] {
        let sent = world.run(async { received(PARENT).scope(call()).await }).await;
        assert_eq!((sent["traceparent"].as_str(), sent["tracestate"].as_str()), (PARENT, "vendor=1"));
        let sent = world.run(call()).await;
        assert_eq!(sent.keys().collect::<Vec<_>>(), ["x-request-id"]);
    }
}

#[tokio::test]
async fn a_background_task_sends_the_trace_of_the_span_that_it_outlives() {
    let world = World::new();
    let task = async { (allm_telemetry::spawn(async { (tokio::task::yield_now().await, sent()).1 }),) };
    let sent = world.run(task.in_span_infallible(Span::chat())).await.0.await.unwrap();
    let chat = world.span("invoke_agent");
    assert_ne!(chat.span_context.span_id(), SpanId::INVALID);
    assert!(sent["traceparent"].contains(&chat.span_context.span_id().to_string()));
}
