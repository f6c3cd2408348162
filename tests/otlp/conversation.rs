//! A conversation of an agent as a collector sees it: the tree, the kinds, the tokens once, the events' own durations.

use std::collections::BTreeMap;

use allm_telemetry::{adapter_retry, event::OwnedEvent, prelude::*, spawn};
use futures::{StreamExt as _, stream};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::{Span as Sent, span::SpanKind};

use crate::support::{ms, pause};
use crate::world::*;

async fn stream_of(tokens: u64) {
    let span = Span::stream().model("gpt-5").observe(move |_: &u64, record: &mut Record<'_>| {
        record.response_model("gpt-5-2026-08");
        record.usage(Usage::new().input(100_u64).cached(60_u64).output(tokens).reasoning(2_u64));
    });
    let call = async {
        adapter_retry(1, ms(1), "429");
        pause(3).await;
        Ok::<_, std::io::Error>(stream::iter((0..tokens).map(Ok::<_, std::io::Error>)))
    };
    let chunks = span.open(call).await.unwrap().count().await;
    assert_eq!(chunks as u64, tokens);
}

async fn tool(name: &'static str) {
    spawn(pause(2).in_span_infallible(Span::tool(name, "call_1"))).await.unwrap();
}

async fn converse() {
    let chat = Span::chat().engine("openai").agent_name("weekend").conversation_id("talk-1");
    let work = async {
        let first = async {
            stream_of(5).await;
            futures::future::join(tool("weather"), tool("calendar")).await;
        };
        first.in_span_infallible(Span::step()).await;
        stream_of(7).in_span_infallible(Span::step()).await;
    };
    work.in_span_infallible(chat).await;
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let mut found = attributes.iter().filter(|attribute| attribute.key == key);
    let value = found.next()?.value.clone()?.value?;
    assert!(found.next().is_none(), "{key} stands twice");
    Some(match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

/// Each span as `KIND name`, below its parent.
fn tree(spans: &[Sent], parent: &[u8], depth: usize, lines: &mut Vec<String>) {
    let mut children: Vec<&Sent> = spans.iter().filter(|span| span.parent_span_id == parent).collect();
    children.sort_by_key(|span| (span.start_time_unix_nano, span.name.clone()));
    for span in children {
        let kind = text(&span.attributes, "openinference.span.kind").expect("every span has its kind");
        lines.push(format!("{}{kind} {}", "  ".repeat(depth), span.name));
        tree(spans, &span.span_id, depth + 1, lines);
    }
}

async fn the_conversation_arrives(by: By) {
    let world = World::new(by);
    world.capture.scope(converse()).await;
    let report = world.flush().await;
    assert!(report.is_complete(), "{report}");
    let spans = world.receiver.spans();

    let mut lines = Vec::new();
    tree(&spans, &[], 0, &mut lines);
    lines[2..5].sort();
    assert_eq!(
        lines,
        [
            "AGENT invoke_agent weekend",
            "  CHAIN step",
            "    LLM chat gpt-5",
            "    TOOL execute_tool calendar",
            "    TOOL execute_tool weather",
            "  CHAIN step",
            "    LLM chat gpt-5",
        ]
    );
    assert!(spans.iter().all(|span| span.trace_id == spans[0].trace_id));
    for span in &spans {
        let calls = span.name == "chat gpt-5";
        let kind = if calls { SpanKind::Client } else { SpanKind::Internal };
        assert_eq!(span.kind(), kind, "{}", span.name);
        let has = |key| text(&span.attributes, key).is_some();
        assert_eq!(has("gen_ai.usage.input_tokens") && has("llm.token_count.prompt"), calls, "{}", span.name);
        assert_eq!(span.events.len(), if calls { 2 } else { 0 });
        assert_eq!(span.status.clone().unwrap_or_default().code, 0);
    }
    assert_eq!(tokens(&spans, "gen_ai.usage.output_tokens"), 12);
    assert_eq!(tokens(&spans, "llm.token_count.total"), 212);
    assert!(spans.iter().any(|span| text(&span.attributes, "session.id").as_deref() == Some("talk-1")));
    durations_are_those_of_the_events(&spans, &world.capture.events());
    histograms_have_their_buckets(&world);
}

fn tokens(spans: &[Sent], key: &str) -> i64 {
    spans.iter().filter_map(|span| text(&span.attributes, key)).map(|it| it.parse::<i64>().unwrap()).sum()
}

fn durations_are_those_of_the_events(spans: &[Sent], events: &[OwnedEvent]) {
    let ends = events.iter().filter_map(|event| {
        let event = event.as_event();
        Some((event.span_id()?.to_string(), event.duration()?))
    });
    let ends: BTreeMap<_, _> = ends.collect();
    assert_eq!(ends.len(), spans.len());
    for span in spans {
        let ours = ends[&text(&span.attributes, "allm.span_id").unwrap()];
        let lasted = span.end_time_unix_nano - span.start_time_unix_nano;
        assert_eq!(u128::from(lasted), ours.as_nanos(), "{}", span.name);
    }
}

fn histograms_have_their_buckets(world: &World) {
    let resources = world.receiver.metrics().into_iter().flat_map(|request| request.resource_metrics);
    let metrics = resources.flat_map(|it| it.scope_metrics).flat_map(|it| it.metrics);
    let metrics: BTreeMap<_, _> = metrics.map(|metric| (metric.name.clone(), metric)).collect();
    for (name, unit, bounds, count) in [
        ("gen_ai.client.operation.duration", "s", 14, 2),
        ("gen_ai.client.token.usage", "{token}", 14, 4),
        ("gen_ai.client.operation.time_to_first_chunk", "s", 14, 2),
        ("gen_ai.client.operation.time_per_output_chunk", "s", 14, 10),
        ("gen_ai.execute_tool.duration", "s", 14, 2),
        ("gen_ai.invoke_agent.duration", "s", 13, 1),
    ] {
        let metric = &metrics[name];
        assert_eq!(metric.unit, unit, "{name}");
        let Some(Data::Histogram(histogram)) = &metric.data else { panic!("{name}: {metric:?}") };
        let points = &histogram.data_points;
        assert!(points.iter().all(|point| point.explicit_bounds.len() == bounds), "{name}");
        assert_eq!(points.iter().map(|point| point.count).sum::<u64>(), count, "{name}");
    }
    assert!(metrics.contains_key("allm.adapter.retries"));
}

#[tokio::test]
async fn by_http() {
    the_conversation_arrives(By::Http).await;
}

#[tokio::test]
async fn by_grpc() {
    the_conversation_arrives(By::Grpc).await;
}
