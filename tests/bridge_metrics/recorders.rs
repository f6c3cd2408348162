//! Which recorder counts, and what one that fails can do: nothing to the call.

use std::sync::{Arc, Mutex};

use allm_telemetry::bridge::metrics::Metrics;
use allm_telemetry::{Telemetry, handler::AttachError, prelude::*};
use futures::StreamExt as _;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::debugging::DebuggingRecorder;

use crate::recorded::{Recorded, lines};
use crate::support::{lost, paced};

fn attached() -> Telemetry {
    let telemetry = Telemetry::new();
    Metrics::new().attach("metrics", &telemetry).unwrap();
    telemetry
}

fn call(telemetry: &Telemetry) {
    telemetry.run(|| Span::generate().start().complete());
}

#[test]
fn the_recorder_of_the_scope_counts_where_one_is_set() {
    let telemetry = attached();
    call(&telemetry);
    let recorders = [DebuggingRecorder::new(), DebuggingRecorder::new()];
    for recorder in &recorders {
        metrics::with_local_recorder(recorder, || call(&telemetry));
        assert_eq!(lines(&recorder.snapshotter()).len(), 2, "its duration, and that its usage is unknown");
    }
    call(&telemetry);
    assert!(recorders.iter().all(|it| lines(&it.snapshotter()).is_empty()));
}

#[test]
fn every_recorder_is_told_units_and_descriptions() {
    let telemetry = attached();
    for recorder in [DebuggingRecorder::new(), DebuggingRecorder::new()].each_ref() {
        metrics::with_local_recorder(recorder, || {
            telemetry.run(|| {
                let mut span = Span::stream().start();
                span.enter(|| allm_telemetry::adapter_retry(1, std::time::Duration::ZERO, "429"));
                span.record(|record| record.usage(Usage::new().output(1_u64)));
                span.chunk(|_| {});
                drop(span);
            });
        });
        let seen = recorder.snapshotter().snapshot().into_vec();
        assert_eq!(seen.len(), 5);
        for (key, unit, description, _) in seen {
            let name = key.key().name();
            let expected = if name.ends_with(".seconds") { Unit::Seconds } else { Unit::Count };
            assert_eq!(unit, Some(expected), "{name}");
            assert!(description.is_some_and(|text| text.ends_with('.')), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_bridge_that_is_detached_records_no_more() {
    let recorded = Recorded::new();
    let work = async {
        let mut tokens = paced([(10, 1), (10, 2), (10, 3)]).in_span_infallible(Span::stream());
        tokens.next().await;
        tokens.next().await;
        recorded.telemetry.detach("metrics").unwrap();
        tokens.count().await;
    };
    recorded.telemetry.scope(work).await;
    let labels = "{gen_ai.operation.name=chat gen_ai.provider.name=_OTHER}";
    let expected = format!("gen_ai.client.operation.time_per_output_chunk.seconds {labels} 0.01");
    assert_eq!(recorded.now(), [expected]);
}

#[test]
fn a_span_that_began_before_the_bridge_came_is_not_measured() {
    let telemetry = Telemetry::new();
    telemetry.attach("somebody", "allm.generate.stop", |_: &Event<'_>| {}).unwrap();
    let recorder = DebuggingRecorder::new();
    let seen = recorder.snapshotter();
    let span = telemetry.run(|| Span::generate().start());
    Metrics::new().recorder(recorder).attach("metrics", &telemetry).unwrap();
    span.complete();
    assert_eq!(lines(&seen), [""; 0]);
    assert_eq!(telemetry.ends_without_start("metrics"), Some(1));
}

#[test]
fn an_id_is_taken_once() {
    let telemetry = attached();
    let again = Metrics::new().attach("metrics", &telemetry);
    assert!(matches!(again, Err(AttachError::AlreadyExists { .. })), "{again:?}");
}

/// Panics when something is registered.
struct Broken(Arc<Mutex<u32>>);

impl Recorder for Broken {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        lost()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        lost()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        *self.0.lock().unwrap() += 1;
        lost()
    }
}

#[test]
fn a_recorder_that_panics_harms_no_call_and_is_asked_once() {
    let telemetry = Telemetry::new();
    let asked = Arc::new(Mutex::new(0));
    Metrics::new().recorder(Broken(asked.clone())).attach("metrics", &telemetry).unwrap();
    let failures = Arc::new(Mutex::new(Vec::new()));
    let told = failures.clone();
    let tell = move |event: &Event<'_>| {
        told.lock().unwrap().push(event.metadata("handler_id").unwrap().to_string());
    };
    telemetry.attach("failures", "telemetry.handler.failure", tell).unwrap();
    call(&telemetry);
    call(&telemetry);
    assert_eq!(*asked.lock().unwrap(), 1);
    assert_eq!(*failures.lock().unwrap(), ["metrics"]);
}
