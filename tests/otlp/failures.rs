//! The collector is down, slow, refuses, answers nonsense, comes back: calls go on, and every loss is counted.

use std::time::{Duration, Instant};

use allm_telemetry::bridge::otlp::Counts;
use hyper::StatusCode;

use crate::receiver::{Mood, Receiver};
use crate::support::ms;
use crate::world::*;

/// What became of the spans: exported, queue full, failed, unknown.
fn of(counts: Counts) -> [u64; 4] {
    [counts.exported, counts.queue_full, counts.failed, counts.unknown]
}

/// Loses patience soon, for a collector that would else be waited for.
fn quick(by: By) -> World {
    World::with(by, |otlp| otlp.timeout(ms(1000)))
}

/// Calls while the collector is in this mood, then fine again.
async fn through(world: World, mood: Mood) -> ([u64; 4], Option<String>) {
    let address = world.receiver.endpoint();
    world.receiver.becomes(mood);
    world.calls(10).await;
    let report = world.flush().await;
    assert!(!report.is_complete(), "{report}");
    let why = report.last_failure.as_ref().map(|why| why.replace(&address, "URL"));
    let lost = of(report.spans);

    world.receiver.becomes(Mood::Fine);
    world.calls(7).await;
    let after = world.flush().await;
    assert_eq!(after.spans.exported - report.spans.exported, 7, "it recovers without a restart: {after}");
    assert_eq!(after.spans.failed + after.spans.unknown, report.spans.failed + report.spans.unknown);
    world.capture.assert_balanced();
    (lost, why)
}

#[tokio::test]
async fn one_that_refuses_has_none_of_them() {
    let (lost, why) = through(World::new(By::Http), Mood::Answers(StatusCode::BAD_REQUEST)).await;
    assert_eq!(
        (lost, why.as_deref()),
        ([0, 0, 10, 0], Some("HTTP status 400 Bad Request from URL/v1/traces"))
    );
    let (lost, why) = through(World::new(By::Grpc), Mood::Answers(StatusCode::FORBIDDEN)).await;
    assert_eq!(lost, [0, 0, 10, 0]);
    assert_eq!(why.as_deref(), Some("gRPC status PermissionDenied from URL"));
}

#[tokio::test]
async fn one_that_is_busy_for_good_has_none_of_them() {
    let (lost, why) = through(quick(By::Http), Mood::Answers(StatusCode::TOO_MANY_REQUESTS)).await;
    assert_eq!(
        (lost, why.as_deref()),
        ([0, 0, 10, 0], Some("HTTP status 429 Too Many Requests from URL/v1/traces"))
    );
}

#[tokio::test]
async fn one_that_is_busy_for_a_moment_is_asked_again_by_grpc() {
    let world = World::new(By::Grpc);
    world.receiver.becomes(Mood::BusyOnce);
    world.calls(3).await;
    assert_eq!(of(world.flush().await.spans), [3, 0, 0, 0]);
}

#[tokio::test]
async fn one_that_is_busy_once_is_asked_again_when_it_said() {
    let world = World::new(By::Http);
    world.receiver.becomes(Mood::BusyOnce);
    world.calls(3).await;
    let begun = Instant::now();
    let report = world.flush().await;
    assert_eq!(of(report.spans), [3, 0, 0, 0], "{report}");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn of_one_that_swallows_nobody_can_tell() {
    for (by, from) in [(By::Http, "URL/v1/traces"), (By::Grpc, "URL")] {
        let (lost, why) = through(quick(by), Mood::Swallows).await;
        assert_eq!((lost, why), ([0, 0, 0, 10], Some(format!("no answer from {from} within 1s"))));
    }
}

#[tokio::test]
async fn of_one_that_answers_a_page_for_people_nobody_can_tell() {
    let (lost, why) = through(World::new(By::Http), Mood::Page).await;
    assert_eq!(
        (lost, why.as_deref()),
        ([0, 0, 0, 10], Some("HTTP status 200 OK from URL/v1/traces, but not an OTLP response"))
    );
}

#[tokio::test]
async fn of_one_that_speaks_no_http_nobody_can_tell() {
    let (lost, why) = through(World::new(By::Http), Mood::Noise).await;
    assert_eq!(
        (lost, why.as_deref()),
        ([0, 0, 0, 10], Some("the connection to URL/v1/traces gave no answer"))
    );
    let (lost, _) = through(quick(By::Grpc), Mood::Noise).await;
    assert_eq!(lost[0], 0);
    assert_eq!(lost.iter().sum::<u64>(), 10);
}

#[tokio::test]
async fn what_one_rejects_of_a_batch_has_failed_and_its_message_is_told() {
    for by in [By::Http, By::Grpc] {
        let world = quick(by);
        world.receiver.becomes(Mood::Rejects(4));
        world.calls(10).await;
        let report = world.flush().await;
        assert_eq!(of(report.spans), [6, 0, 4, 0], "{by:?}: {report}");
        assert_eq!(report.last_failure.as_deref(), Some("the collector rejected 4 of 10: too many"));
    }
}

#[tokio::test]
async fn data_points_that_one_rejects_have_failed_and_its_message_is_told() {
    for by in [By::Http, By::Grpc] {
        let world = World::with(by, |otlp| {
            otlp.timeout(ms(1000)).environment(|name| (name == "OTEL_TRACES_EXPORTER").then(|| "none".into()))
        });
        world.receiver.becomes(Mood::Rejects(1));
        world.calls(10).await;
        let report = world.flush().await;
        let points = world.receiver.points();
        assert_eq!(of(report.metrics), [points - 1, 0, 1, 0], "{by:?}: {report}");
        assert_eq!(of(report.spans), [0; 4]);
        assert_eq!(report.last_failure, Some(format!("the collector rejected 1 of {points}: too many")));
    }
}

#[tokio::test]
async fn one_that_is_down_has_none_and_when_it_is_back_it_gets_what_comes_then() {
    for by in [By::Http, By::Grpc] {
        let World { capture, receiver, pipeline } = quick(by);
        let address = receiver.address;
        calls(&capture, 2).await;
        assert_eq!(of(pipeline.flush(LONG).await.spans), [2, 0, 0, 0]);
        drop(receiver);
        // Until its thread has let go of the port, a connection still opens.
        while std::net::TcpStream::connect(address).is_ok() {}

        calls(&capture, 10).await;
        let report = pipeline.flush(LONG).await;
        assert_eq!((report.spans.exported, report.spans.failed + report.spans.unknown), (2, 10), "{report}");

        let receiver = Receiver::start_at(address);
        // A channel of gRPC waits a moment before it connects again.
        let mut exported = 0;
        for _ in 0..20 {
            calls(&capture, 1).await;
            exported = pipeline.flush(LONG).await.spans.exported;
            if exported > 2 {
                break;
            }
        }
        assert!(exported > 2, "{by:?}: {}", pipeline.report());
        assert!(!receiver.spans().is_empty());
    }
}

#[tokio::test]
async fn a_slow_one_makes_no_call_slower() {
    let world = World::new(By::Http);
    world.receiver.becomes(Mood::Slow(ms(2_000)));
    let begun = Instant::now();
    // Two batches: the second waits for the first, which is under way.
    world.calls(600).await;
    assert!(begun.elapsed() < ms(2_000), "{:?}", begun.elapsed());
    let report = world.flush().await;
    assert_eq!(of(report.spans), [600, 0, 0, 0], "{report}");
}

#[tokio::test]
async fn while_it_swallows_no_more_spans_are_kept_than_the_queue_holds() {
    let world = World::with(By::Http, |otlp| otlp.queue(64));
    world.receiver.becomes(Mood::Swallows);
    let begun = Instant::now();
    world.calls(500).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(of(world.pipeline.report().spans), [0, 436, 0, 64]);
    world.capture.assert_balanced();
}

#[tokio::test]
async fn a_flush_and_a_shutdown_keep_their_deadline_and_say_what_waits() {
    for by in [By::Http, By::Grpc] {
        let world = World::new(by);
        world.receiver.becomes(Mood::Swallows);
        world.calls(3).await;
        let begun = Instant::now();
        let report = world.pipeline.flush(ms(200)).await;
        assert_eq!(of(report.spans), [0, 0, 0, 3]);
        let report = world.pipeline.shutdown(ms(200)).await;
        assert_eq!(of(report.spans), [0, 0, 0, 3]);
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_runtime_ends_at_once_whatever_the_collector_does() {
    let begun = Instant::now();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(async {
        let world = World::new(By::Http);
        world.receiver.becomes(Mood::Swallows);
        world.calls(600).await;
        let _ = world.pipeline.flush(ms(50)).await;
        world
    });
    drop(runtime);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let begun = Instant::now();
    drop(world);
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_flush_that_nobody_waits_for_any_more_goes_on() {
    let world = World::new(By::Http);
    world.calls(3).await;
    drop(futures::poll!(Box::pin(world.pipeline.flush(LONG))));
    assert_eq!(of(world.flush().await.spans), [3, 0, 0, 0]);
}
