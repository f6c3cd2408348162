//! Times, names, kinds, status and events of a span: its own, not those of its export.

use std::time::Duration;

use allm_telemetry::{SpanName, adapter_retry, event::OwnedEvent, prelude::*};
use futures::{FutureExt as _, StreamExt as _, stream};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;

use crate::support::{lost, ms, paced, pause, refused};
use crate::world::{World, attribute, lasted, nanos, text};

fn system_time(event: &OwnedEvent) -> u64 {
    event.as_event().measurement("system_time").unwrap().as_u64().unwrap()
}

fn event_names(span: &SpanData) -> Vec<String> {
    span.events.iter().map(|event| event.name.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_span_has_the_start_and_the_duration_of_its_events_to_the_nanosecond() {
    let world = World::new();
    let work = async {
        pause(7).await;
        pause(40).in_span_infallible(Span::tool("search", "call_1")).await;
    };
    world.run(work.in_span_infallible(Span::chat())).await;
    for (name, span) in [(SpanName::Chat, "invoke_agent"), (SpanName::Tool, "execute_tool search")] {
        let span = world.span(span);
        let of = |phase: &str| world.capture.named(&format!("allm.{name}.{phase}")).remove(0);
        assert_eq!(nanos(span.start_time), system_time(&of("start")));
        let duration = of("stop").as_event().duration().unwrap();
        assert_eq!(Duration::from_nanos(lasted(&span)), duration);
        assert!(duration >= ms(40));
    }
}

#[tokio::test]
async fn every_span_has_the_kind_and_the_name_of_the_conventions() {
    let world = World::new();
    let work = async {
        async {}.in_span_infallible(Span::generate().model("m")).await;
        async {}.in_span_infallible(Span::step()).await;
        async {}.in_span_infallible(Span::chat().agent_name("a")).await;
        async {}.in_span_infallible(Span::tool("t", "1")).await;
        async {}.in_span_infallible(Span::embed(2).model("e")).await;
        stream::empty::<()>().in_span_infallible(Span::stream()).count().await;
    };
    world.run(work).await;
    let seen: Vec<_> = world
        .spans()
        .iter()
        .map(|it| (it.name.to_string(), it.span_kind.clone(), text(it, "openinference.span.kind")))
        .collect();
    let expected = [
        ("chat m", SpanKind::Client, "LLM"),
        ("step", SpanKind::Internal, "CHAIN"),
        ("invoke_agent a", SpanKind::Internal, "AGENT"),
        ("execute_tool t", SpanKind::Internal, "TOOL"),
        ("embeddings e", SpanKind::Client, "EMBEDDING"),
        ("chat", SpanKind::Client, "LLM"),
    ];
    assert_eq!(seen, expected.map(|(name, kind, shown)| (name.to_owned(), kind, shown.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn only_an_error_and_a_panic_paint_a_span_red() {
    let world = World::new();
    let work = async {
        let tool = |name: &'static str| Span::tool(name, "1");
        async {}.in_span_infallible(tool("completed")).await;
        drop(stream::iter([1]).in_span_infallible(Span::stream().model("dropped")));
        let slow = pause(1_000).in_span_infallible(tool("cancelled"));
        assert!(tokio::time::timeout(ms(5), slow).await.is_err());
        let failed = async { Err::<(), _>(refused()) }.in_span(tool("error").error_type(|_| "refused")).await;
        assert!(failed.is_err());
        let panicked = async { lost::<()>() }.in_span_infallible(tool("panicked"));
        assert!(std::panic::AssertUnwindSafe(panicked).catch_unwind().await.is_err());
    };
    world.run(work).await;
    for (name, outcome, error_type) in [
        ("execute_tool completed", "completed", None),
        ("chat dropped", "dropped", None),
        ("execute_tool cancelled", "cancelled", None),
        ("execute_tool error", "error", Some("refused")),
        ("execute_tool panicked", "panicked", Some("panic")),
    ] {
        let span = world.span(name);
        assert_eq!(text(&span, "allm.outcome"), outcome);
        assert_eq!(attribute(&span, "error.type").map(|it| it.to_string()).as_deref(), error_type);
        let status = if error_type.is_some() { Status::error("") } else { Status::Unset };
        assert_eq!(span.status, status, "{name}");
    }
}

#[tokio::test]
async fn a_panic_is_an_exception_event_with_its_class_and_its_stack_and_without_its_message() {
    let world = World::new();
    let panicked = async { lost::<()>() }.in_span_infallible(Span::tool("t", "1"));
    let caught = world.run(std::panic::AssertUnwindSafe(panicked).catch_unwind()).await;
    assert!(caught.is_err());
    let span = world.span("execute_tool t");
    assert_eq!(event_names(&span), ["exception"]);
    let exception = &span.events[0];
    assert_eq!(exception.timestamp, span.end_time);
    let keys: Vec<_> = exception.attributes.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["exception.type", "exception.stacktrace"]);
}

#[tokio::test(start_paused = true)]
async fn retries_and_the_first_chunk_are_events_at_their_own_time() {
    let world = World::new();
    let call = async {
        pause(30).await;
        adapter_retry(1, ms(250), "429");
        pause(250).await;
        Ok::<_, std::io::Error>(paced([(20, Ok::<_, std::io::Error>("a")), (5, Ok("b"))]))
    };
    let work = async { Span::stream().model("gpt-5").open(call).await.unwrap().count().await };
    assert_eq!(world.run(work).await, 2);
    let span = world.span("chat gpt-5");
    assert_eq!(event_names(&span), ["allm.adapter.retry", "allm.stream.first_chunk"]);
    let after = |place: usize| nanos(span.events[place].timestamp) - nanos(span.start_time);
    assert_eq!((after(0) / 1_000_000, after(1) / 1_000_000), (30, 300));
    assert_eq!(span.status, Status::Unset, "a retry is no error");
    assert_eq!(attribute(&span, "allm.attempts"), Some(2.into()));
}

#[tokio::test]
async fn a_retry_inside_a_tool_is_told_there_and_on_no_other_span() {
    let world = World::new();
    let tool = async { adapter_retry(1, ms(1), "429") }.in_span_infallible(Span::tool("t", "1"));
    world.run(tool.in_span_infallible(Span::generate())).await;
    assert_eq!(event_names(&world.span("execute_tool t")), ["allm.adapter.retry"]);
    assert!(event_names(&world.span("chat")).is_empty());
}
