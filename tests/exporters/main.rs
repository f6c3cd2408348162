//! What holds of every exporter alike: one policy decides which keys of the user's own leave.
#![allow(missing_docs, reason = "tests")]

#[allow(dead_code, reason = "the tests of the pipeline use all of it")]
#[path = "../otlp/receiver.rs"]
mod receiver;
#[allow(dead_code, reason = "the tests of the pipeline use all of it")]
#[path = "../otlp/world.rs"]
mod world;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use allm_telemetry::bridge::{
    console::Console, json_lines::JsonLines, metrics::Metrics, otel::Otel, tracing::Tracing,
};
use allm_telemetry::testing::Capture;
use allm_telemetry::{Policy, Telemetry, convention::Convention, event::EventName, prelude::*};
use metrics_util::debugging::DebuggingRecorder;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing_subscriber::fmt::format::FmtSpan;

use crate::receiver::Receiver;
use crate::world::{By, LONG};

const OWN: [&str; 5] = ["own_tenant", "own_cost", "own_plan", "own_share", "own_user"];

/// A call with keys of its user's own, in the metadata and the measurements, of the start and of the end, and in the baggage.
fn call() {
    let call = Span::generate().engine("openai").model("gpt-5").baggage("own_user", "ann-smith");
    let mut call = call.metadata("own_tenant", "acme-corp").start();
    call.record(|record| {
        record.metadata("own_plan", "paid-plan");
        record.measurement("own_cost", 1_234_567);
        record.measurement("own_share", 0.125);
    });
    call.complete();
}

/// A writer that the test can read.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn json_lines(policy: Policy) -> String {
    let (telemetry, page) = (Telemetry::new(), Page::default());
    let _log = JsonLines::to_writer(page.clone()).policy(policy).attach("log", &telemetry).unwrap();
    telemetry.run(call);
    drop(_log);
    page.text()
}

/// An event of the user's own, whose keys are all the user's.
fn executed(policy: Policy) -> String {
    let (telemetry, page) = (Telemetry::new(), Page::default());
    let events = ["allm.quota.asked", "allm.generate.stop"].map(|name| EventName::try_from(name).unwrap());
    let log = JsonLines::to_writer(page.clone()).events(events).policy(policy);
    let log = log.attach("log", &telemetry).unwrap();
    let metadata = [("own_tenant", "acme-corp"), ("own_plan", "paid-plan"), ("own_user", "ann-smith")];
    telemetry.execute("quota.asked", [("own_cost", 1_234_567.0), ("own_share", 0.125)], metadata).unwrap();
    telemetry.run(|| Span::generate().model("gpt-5").start().complete());
    drop(log);
    page.text()
}

fn console(policy: Policy) -> String {
    let (telemetry, page) = (Telemetry::new(), Page::default());
    let console = Console::to_writer(page.clone()).policy(policy).attach("console", &telemetry).unwrap();
    telemetry.run(call);
    drop(console);
    page.text()
}

fn tracing(policy: Policy) -> String {
    let (telemetry, page) = (Telemetry::new(), Page::default());
    let bridge = Tracing::new().convention(Convention::new().policy(policy));
    bridge.attach("tracing", &telemetry).unwrap();
    let writer = page.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(move || writer.clone())
        .finish();
    ::tracing::subscriber::with_default(subscriber, || telemetry.run(call));
    page.text()
}

fn otel(policy: Policy) -> String {
    let (telemetry, exporter) = (Telemetry::new(), InMemorySpanExporter::default());
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let bridge = Otel::new().tracer_provider(provider).without_metrics();
    bridge.convention(Convention::new().policy(policy)).attach("otel", &telemetry).unwrap();
    telemetry.run(call);
    format!("{:?}", exporter.get_finished_spans().unwrap())
}

fn otlp(policy: Policy) -> String {
    let receiver = Receiver::start();
    let pipeline = world::otlp(By::Http, &receiver).build().unwrap();
    let capture = Capture::new();
    world::attach(&pipeline, &capture, Convention::new().policy(policy));
    capture.run(call);
    let sent = futures::executor::block_on(pipeline.shutdown(LONG));
    assert_eq!(sent.spans.exported, 1, "{sent}");
    String::from_utf8_lossy(&receiver.bytes()).into_owned()
}

/// Labels are chosen apart from the policy, because each value is a permanent time series.
fn metrics(policy: Policy) -> String {
    let (telemetry, recorder) = (Telemetry::new(), DebuggingRecorder::new());
    let seen = recorder.snapshotter();
    let bridge = Metrics::new().convention(Convention::new().policy(policy)).recorder(recorder);
    bridge.attach("metrics", &telemetry).unwrap();
    telemetry.run(call);
    format!("{:?}", seen.snapshot().into_vec())
}

/// Which keys left. A key leaves with its value or not at all.
fn left(text: &str) -> Vec<&'static str> {
    let values = ["acme-corp", "1234567", "paid-plan", "0.125", "ann-smith"];
    assert!(text.contains("gpt-5"), "the call itself is there: {text}");
    let is_there = |(key, value): &(&'static str, &str)| {
        // A number is binary in protobuf.
        let is_number = value.parse::<f64>().is_ok();
        assert!(text.contains(key) || !text.contains(value), "{value} without its key in {text}");
        assert!(
            text.contains(value) || is_number || !text.contains(key),
            "{key} without its value in {text}"
        );
        text.contains(key)
    };
    OWN.into_iter().zip(values).filter(is_there).map(|(key, _)| key).collect()
}

#[test]
fn keys_of_the_users_own_leave_only_when_named_in_every_exporter_alike() {
    type Export = fn(Policy) -> String;
    let exporters: [(&str, Export); 6] = [
        ("json_lines", json_lines),
        ("json_lines, an executed event", executed),
        ("console", console),
        ("tracing", tracing),
        ("otel", otel),
        ("otlp", otlp),
    ];
    for (name, export) in exporters {
        assert_eq!(left(&export(Policy::new())), [""; 0], "{name}: none is named");
        let two = Policy::new().user_keys(["own_tenant", "own_cost", "absent"]);
        assert_eq!(left(&export(two)), OWN[..2], "{name}: two are named");
        assert_eq!(left(&export(Policy::new().all_user_keys())), OWN, "{name}: all are");
        let both = Policy::new().user_keys(["own_tenant"]).all_user_keys();
        assert_eq!(left(&export(both)), OWN, "{name}: all are, and one by its name");
    }
}

#[test]
fn keys_of_the_users_own_are_labels_of_no_metric_by_any_policy() {
    let policies = [Policy::new(), Policy::new().user_keys(OWN), Policy::new().all_user_keys()];
    for policy in policies {
        assert_eq!(left(&metrics(policy)), [""; 0]);
    }
}

#[test]
fn with_all_keys_let_out_tracing_has_them_as_json_in_one_field_unless_they_are_named() {
    let line = tracing(Policy::new().user_keys(["own_tenant"]).all_user_keys());
    assert!(line.contains("own_tenant=\"acme-corp\""), "{line}");
    // As it was at the end: a field that is recorded again may replace its first value.
    let json = r#"{"own_user":"ann-smith","own_plan":"paid-plan","own_cost":1234567,"own_share":0.125}"#;
    assert!(line.contains(&format!("allm.user={json:?}")), "{line}");
}

#[test]
fn a_key_of_the_users_own_never_replaces_a_standard_attribute() {
    let (telemetry, exporter) = (Telemetry::new(), InMemorySpanExporter::default());
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let convention = Convention::new().policy(Policy::new().all_user_keys());
    let bridge = Otel::new().tracer_provider(provider).without_metrics().convention(convention);
    bridge.attach("otel", &telemetry).unwrap();
    telemetry.run(|| {
        Span::generate().model("gpt-5").metadata("gen_ai.request.model", "forged").start().complete();
    });
    let spans = exporter.get_finished_spans().unwrap();
    let model = spans[0].attributes.iter().filter(|it| it.key.as_str() == "gen_ai.request.model");
    assert_eq!(model.map(|it| it.value.as_str().into_owned()).collect::<Vec<_>>(), ["gpt-5"]);
}
