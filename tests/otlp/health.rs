//! An exporter that cannot deliver reports it once, and once more when it can again.

use std::sync::{Arc, Weak};

use allm_telemetry::bridge::otlp::Otlp;
use allm_telemetry::testing::Capture;
use allm_telemetry::{Telemetry, convention::Convention};

use crate::receiver::{Mood, Receiver};
use crate::support::ms;
use crate::world::*;

/// Each report: the exporter, the kind and the reason.
fn reports(capture: &Capture) -> Vec<[String; 3]> {
    let mut reports: Vec<_> = capture
        .named("telemetry.handler.failure")
        .iter()
        .map(|event| {
            ["handler_id", "kind", "reason"]
                .map(|key| event.as_event().metadata(key).unwrap().as_str().unwrap().to_owned())
        })
        .collect();
    reports.sort();
    reports
}

fn kinds(capture: &Capture) -> Vec<[String; 2]> {
    reports(capture).into_iter().map(|[exporter, kind, _]| [exporter, kind]).collect()
}

fn of_both(kinds: &[&str]) -> Vec<[String; 2]> {
    let exporters = ["otlp.metrics", "otlp.traces"].into_iter();
    exporters
        .flat_map(|exporter| kinds.iter().map(move |kind| [exporter.to_owned(), (*kind).to_owned()]))
        .collect()
}

fn reporting(by: By, receiver: &Receiver, capture: &Capture) -> Otlp {
    otlp(by, receiver).timeout(ms(2_000)).telemetry(capture.telemetry())
}

#[tokio::test]
async fn a_collector_that_is_down_is_reported_once_and_once_when_it_is_back() {
    for by in [By::Http, By::Grpc] {
        let receiver = Receiver::start();
        let address = receiver.address;
        let capture = Capture::new();
        let pipeline = reporting(by, &receiver, &capture).build().unwrap();
        attach(&pipeline, &capture, Convention::new());
        calls(&capture, 1).await;
        assert!(pipeline.flush(LONG).await.is_complete());
        assert_eq!(reports(&capture), [[""; 3]; 0], "all is well");
        drop(receiver);
        while std::net::TcpStream::connect(address).is_ok() {}

        for _ in 0..3 {
            calls(&capture, 1).await;
            assert!(!pipeline.flush(LONG).await.is_complete());
        }
        assert_eq!(kinds(&capture), of_both(&["io"]), "{by:?}");
        let path = match by {
            By::Http => "/v1/traces",
            By::Grpc => "",
        };
        let expected = format!("cannot connect to http://{address}{path}: connection refused");
        assert_eq!(reports(&capture)[1][2], expected);

        let _receiver = Receiver::start_at(address);
        for _ in 0..3 {
            calls(&capture, 1).await;
            let _ = pipeline.flush(LONG).await;
        }
        assert_eq!(kinds(&capture), of_both(&["io", "recovered"]), "{by:?}");
        drop(pipeline.shutdown(LONG).await);
        assert_eq!(kinds(&capture), of_both(&["io", "recovered"]), "{by:?}");
    }
}

#[tokio::test]
async fn what_a_collector_rejects_is_reported_with_its_message() {
    for by in [By::Http, By::Grpc] {
        let receiver = Receiver::start();
        let capture = Capture::new();
        let pipeline = reporting(by, &receiver, &capture).without_metrics().build().unwrap();
        attach(&pipeline, &capture, Convention::new());
        receiver.becomes(Mood::Rejects(4));
        calls(&capture, 10).await;
        let _ = pipeline.flush(LONG).await;
        let rejected = ["otlp.traces", "io", "the collector rejected 4 of 10: too many"].map(str::to_owned);
        assert_eq!(reports(&capture), [rejected]);
        receiver.becomes(Mood::Fine);
        calls(&capture, 1).await;
        let _ = pipeline.flush(LONG).await;
        assert_eq!(kinds(&capture)[1][1], "recovered");
    }
}

#[tokio::test]
async fn a_second_failure_is_reported_again() {
    let receiver = Receiver::start();
    let capture = Capture::new();
    let pipeline = reporting(By::Http, &receiver, &capture).without_metrics().build().unwrap();
    attach(&pipeline, &capture, Convention::new());
    for _ in 0..2 {
        for mood in [Mood::Rejects(1), Mood::Rejects(1), Mood::Fine, Mood::Fine] {
            receiver.becomes(mood);
            calls(&capture, 2).await;
            let _ = pipeline.flush(LONG).await;
        }
    }
    let kinds: Vec<_> = kinds(&capture).into_iter().map(|[_, kind]| kind).collect();
    assert_eq!(kinds, ["io", "io", "recovered", "recovered"]);
}

#[tokio::test]
async fn a_handle_that_a_pipeline_reports_to_is_not_kept_alive_by_it() {
    let receiver = Receiver::start();
    let telemetry = Telemetry::new();
    let owned = Arc::new(());
    let weak: Weak<()> = Arc::downgrade(&owned);
    telemetry.attach("owner", "allm.chat.stop", move |_| drop(owned.clone())).unwrap();
    let capture = Capture::on(telemetry).unwrap();
    let pipeline = otlp(By::Http, &receiver).telemetry(capture.telemetry()).build().unwrap();
    attach(&pipeline, &capture, Convention::new());
    calls(&capture, 1).await;
    drop(pipeline.shutdown(LONG).await);
    drop(capture);
    // The thread's cached table of handlers belongs to another handle from now on.
    calls(&Capture::new(), 1).await;
    assert!(weak.upgrade().is_none());
}
