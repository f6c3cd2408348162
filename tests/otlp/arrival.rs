//! What arrives, from which runtime, and by which way.

use std::time::{Duration, Instant};

use allm_telemetry::bridge::otlp::{Otlp, opentelemetry_sdk::trace::Sampler};
use allm_telemetry::testing::Capture;
use allm_telemetry::{convention::Convention, prelude::*};

use crate::receiver::Receiver;
use crate::world::*;

async fn everything_arrives(by: By) {
    let world = World::with(by, |otlp| otlp.service_name("weekend").header("x-key", "k1"));
    world.calls(3).await;
    let report = world.flush().await;
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.spans.exported, report.metrics.exported), (3, world.receiver.points()));
    let spans = world.receiver.spans();
    assert_eq!(spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["chat gpt-5"; 3]);
    let resource = world.receiver.traces()[0].resource_spans[0].resource.clone().unwrap();
    assert!(format!("{resource:?}").contains("weekend"));
    world.receiver.look(|all| assert!(all.iter().all(|it| it.headers["x-key"] == "k1"), "{all:?}"));
    let metrics = format!("{:?}", world.receiver.metrics());
    assert!(metrics.contains("gen_ai.client.operation.duration") && metrics.contains("weekend"), "{metrics}");
}

#[tokio::test]
async fn spans_and_metrics_arrive_from_a_current_thread_runtime_that_waits_for_them() {
    everything_arrives(By::Http).await;
    everything_arrives(By::Grpc).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_from_a_multi_thread_runtime() {
    everything_arrives(By::Http).await;
    everything_arrives(By::Grpc).await;
}

#[tokio::test(start_paused = true)]
async fn and_where_tokio_s_time_is_paused() {
    everything_arrives(By::Http).await;
}

#[test]
fn and_from_a_thread_without_any_runtime() {
    futures::executor::block_on(everything_arrives(By::Http));
    futures::executor::block_on(everything_arrives(By::Grpc));
}

#[tokio::test]
async fn a_pipeline_outlives_the_runtime_it_was_built_in() {
    let receiver = Receiver::start();
    let address = receiver.endpoint();
    let build = move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { Otlp::new().grpc().endpoint(address).build().unwrap() })
    };
    let pipeline = tokio::task::spawn_blocking(build).await.unwrap();
    let capture = Capture::new();
    attach(&pipeline, &capture, Convention::new());
    calls(&capture, 2).await;
    assert_eq!(pipeline.flush(LONG).await.spans.exported, 2);
}

#[tokio::test]
async fn a_shutdown_sends_what_waits_and_later_spans_are_none() {
    let World { capture, receiver, pipeline } = World::new(By::Http);
    calls(&capture, 5).await;
    let report = pipeline.shutdown(LONG).await;
    assert!(report.is_complete() && report.spans.exported == 5, "{report}");
    calls(&capture, 1).await;
    assert_eq!(receiver.spans().len(), 5);
    capture.assert_balanced();
}

#[tokio::test]
async fn a_pipeline_that_is_dropped_sends_what_waits() {
    let World { capture, receiver, pipeline } = World::new(By::Grpc);
    calls(&capture, 5).await;
    let begun = Instant::now();
    drop(pipeline);
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(receiver.spans().len(), 5);
}

#[tokio::test]
async fn a_span_that_is_not_sampled_is_neither_sent_nor_counted() {
    let world =
        World::with(By::Http, |otlp| otlp.traces_with(|builder| builder.with_sampler(Sampler::AlwaysOff)));
    world.calls(3).await;
    let report = world.flush().await;
    assert_eq!(report.spans, Default::default());
    assert!(report.metrics.exported > 0, "they are measured all the same");
}

#[tokio::test]
async fn without_metrics_none_are_sent() {
    let world = World::with(By::Http, Otlp::without_metrics);
    world.calls(1).await;
    let report = world.flush().await;
    assert_eq!((report.spans.exported, report.metrics.exported), (1, 0));
    assert!(world.receiver.metrics().is_empty());
}

#[tokio::test]
async fn what_runs_in_the_exporter_itself_makes_no_spans() {
    let world = World::new(By::Http);
    world.capture.scope(async {}.in_span_infallible(Span::tool("t", "1"))).await;
    for _ in 0..3 {
        let _ = world.flush().await;
    }
    assert_eq!(world.receiver.spans().len(), 1);
}

#[tokio::test]
async fn a_shutdown_of_the_handle_flushes_its_pipelines() {
    let receiver = Receiver::start();
    let capture = Capture::new();
    let pipeline = otlp(By::Http, &receiver).telemetry(capture.telemetry()).build().unwrap();
    attach(&pipeline, &capture, Convention::new());
    calls(&capture, 3).await;
    let report = capture.telemetry().shutdown(LONG).await;
    assert_eq!(report.to_string(), "otlp: 3 written, 0 lost; open spans: none");
    drop(receiver);
    calls(&capture, 1).await;
    let report = capture.telemetry().shutdown(LONG).await;
    assert!(!report.is_complete() && report.exporters[0].lost == 1, "{report}");
    assert!(report.exporters[0].error.is_some(), "{report}");
    drop(pipeline);
    assert!(capture.telemetry().shutdown(LONG).await.exporters.is_empty());
}
