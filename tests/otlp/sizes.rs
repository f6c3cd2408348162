//! Requests and the queue are bounded in bytes.

use std::time::Duration;

use allm_telemetry::bridge::otlp::Otlp;
use allm_telemetry::{Content, Policy, convention::Convention, prelude::*};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
use opentelemetry::{KeyValue, Value};
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::trace::v1::Span as Sent;

use crate::receiver::{MAX_MESSAGE, Mood};
use crate::world::*;

const KIB: usize = 1_024;
const MIB: usize = 1_024 * KIB;

fn letting_out() -> Convention {
    Convention::new().policy(Policy::new().content_unredacted(Content::ALL))
}

async fn ask(world: &World, prompt: String) {
    let call = async {}.in_span_infallible(Span::generate().model("gpt-5").input(|| prompt.clone()));
    world.capture.scope(call).await;
}

fn input(span: &Sent) -> &str {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == "input.value").unwrap();
    match attribute.value.as_ref().unwrap().value.as_ref().unwrap() {
        any_value::Value::StringValue(text) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_prompt_of_5_mib_arrives_cut_and_its_nine_neighbours_whole() {
    for by in [By::Http, By::Grpc] {
        let convention = letting_out();
        let world = World::told(by, convention.clone(), |otlp| otlp);
        for number in 0..9 {
            ask(&world, format!("question {number}")).await;
        }
        ask(&world, "x".repeat(5 * MIB)).await;
        let report = world.flush().await;
        assert_eq!(report.spans.exported, 10, "{by:?}: {report}");
        let spans = world.receiver.spans();
        let mut inputs: Vec<&str> = spans.iter().map(input).collect();
        inputs.sort_unstable();
        let small: Vec<String> = (0..9).map(|number| format!("question {number}")).collect();
        assert_eq!(inputs[..9], small);
        assert!(inputs[9].len() == 64 * KIB && inputs[9].ends_with("x…[truncated]"), "{}", inputs[9].len());
        assert_eq!(convention.cut_count(), 1);
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_sent_in_several_requests() {
    for by in [By::Http, By::Grpc] {
        let world = World::told(by, letting_out(), Otlp::without_metrics);
        for _ in 0..100 {
            ask(&world, "x".repeat(60 * KIB)).await;
        }
        let report = world.flush().await;
        assert_eq!(report.spans.exported, 100, "{by:?}: {report}");
        let sizes = world.receiver.look(|all| all.iter().map(|it| it.body.len()).collect::<Vec<_>>());
        assert!(sizes.len() >= 3 && sizes.iter().all(|size| *size < MAX_MESSAGE), "{sizes:?}");
        assert!(sizes.iter().filter(|size| **size > 3 * MIB).count() >= 2, "they are filled: {sizes:?}");
    }
}

#[tokio::test]
async fn a_span_of_the_users_own_that_is_too_large_is_lost_alone_and_the_report_says_why() {
    let world = World::with(By::Grpc, Otlp::without_metrics);
    let tracer = world.pipeline.tracer_provider().tracer("user");
    for size in [10, 5 * MIB, 20] {
        let mut span = tracer.start("own");
        span.set_attribute(KeyValue::new("text", "x".repeat(size)));
        span.end();
    }
    let report = world.flush().await;
    assert_eq!((report.spans.exported, report.spans.failed), (2, 1), "{report}");
    assert!(report.last_failure.unwrap().contains("larger than collectors accept"));
    assert_eq!(world.receiver.spans().len(), 2);
}

#[tokio::test]
async fn metrics_that_are_too_large_are_sent_in_several_requests_and_none_is_missing() {
    for by in [By::Http, By::Grpc] {
        let world = World::with(by, |otlp| otlp);
        let meter = world.pipeline.meter_provider().meter("user");
        // One metric that is too large alone, and some that are so together.
        for (name, length, points) in
            [("large", 4_000, 1_500), ("small", 400, 1_500), ("third", 400, 1_500_u64)]
        {
            let counter = meter.u64_counter(name).build();
            for number in 0..points {
                counter.add(number + 1, &[KeyValue::new("key", format!("{number:0>length$}"))]);
            }
        }
        let report = world.flush().await;
        assert!(report.is_complete(), "{by:?}: {report}");
        assert_eq!((report.metrics.exported, world.receiver.points()), (4_500, 4_500), "{by:?}");
        let sizes = world.receiver.look(|all| all.iter().map(|it| it.body.len()).collect::<Vec<_>>());
        assert!(sizes.len() >= 2 && sizes.iter().all(|size| *size < MAX_MESSAGE), "{sizes:?}");
        let resources: Vec<_> =
            world.receiver.metrics().into_iter().map(|it| it.resource_metrics[0].resource.clone()).collect();
        assert!(
            resources.iter().all(|resource| *resource == resources[0]),
            "each request says where it is from"
        );
    }
}

#[tokio::test]
async fn the_queue_holds_so_many_bytes_and_what_is_over_is_counted() {
    let world = World::told(By::Http, letting_out(), |otlp| {
        otlp.without_metrics().timeout(Duration::from_millis(500)).queue(10_000).queue_bytes(MIB)
    });
    world.receiver.becomes(Mood::Swallows);
    // A span has its input in two attributes.
    for _ in 0..50 {
        ask(&world, "x".repeat(50 * KIB)).await;
    }
    let spans = world.pipeline.report().spans;
    assert_eq!((spans.queue_full, spans.unknown), (40, 10));
    let _ = world.flush().await;

    world.receiver.becomes(Mood::Fine);
    for _ in 0..10 {
        ask(&world, "x".repeat(50 * KIB)).await;
    }
    let after = world.flush().await.spans;
    assert_eq!((after.queue_full, after.exported), (40, 10), "the space is given back");
}

#[tokio::test]
async fn texts_in_events_and_lists_count_for_the_queue() {
    let world = World::with(By::Http, |otlp| {
        otlp.without_metrics().timeout(Duration::from_millis(200)).queue_bytes(100 * KIB)
    });
    world.receiver.becomes(Mood::Swallows);
    let tracer = world.pipeline.tracer_provider().tracer("user");
    let large = || Value::Array(opentelemetry::Array::String(vec!["x".repeat(60 * KIB).into()]));
    for _ in 0..2 {
        let mut span = tracer.start("own");
        span.add_event("event", vec![KeyValue::new("list", large())]);
        span.end();
    }
    assert_eq!(world.pipeline.report().spans.queue_full, 1);
    let _ = world.flush().await;
}
