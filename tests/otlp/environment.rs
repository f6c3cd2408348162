//! Settings from the environment, in a process that has one of its own.

use std::env;
use std::process::Command;

use allm_telemetry::bridge::otlp::Otlp;
use allm_telemetry::convention::Convention;
use allm_telemetry::prelude::*;
use allm_telemetry::testing::Capture;

use crate::receiver::Receiver;
use crate::world::*;

/// Runs one test of this program again, with these variables.
fn again(test: &str, variables: &[(&str, &str)]) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test]).env("ALLM_AGAIN", "1").envs(variables.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn send_as_the_environment_says() {
    let pipeline = Otlp::new().build().unwrap();
    let capture = Capture::new();
    attach(&pipeline, &capture, Convention::new());
    futures::executor::block_on(async {
        calls(&capture, 1).await;
        let report = pipeline.shutdown(LONG).await;
        assert!(report.is_complete(), "{report}");
    });
}

#[test]
fn the_endpoint_the_headers_the_protocol_and_the_names_are_taken_from_the_environment() {
    if env::var_os("ALLM_AGAIN").is_some() {
        return send_as_the_environment_says();
    }
    let test =
        "environment::the_endpoint_the_headers_the_protocol_and_the_names_are_taken_from_the_environment";
    for protocol in ["grpc", "http/protobuf"] {
        let receiver = Receiver::start();
        again(
            test,
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()),
                ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=from-outside"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_SERVICE_NAME", "named-outside"),
            ],
        );
        assert_eq!(receiver.spans().len(), 1);
        assert!(format!("{:?}", receiver.traces()).contains("named-outside"));
        receiver.look(|all| {
            assert!(all.iter().all(|it| it.headers["x-key"] == "from-outside"), "{all:?}");
            let grpc = all.iter().all(|it| it.path.starts_with("/opentelemetry."));
            assert_eq!(grpc, protocol == "grpc");
        });
    }
}

#[test]
fn init_sends_to_the_collector_that_the_environment_names_and_a_shutdown_waits_for_it() {
    const TEST: &str =
        "environment::init_sends_to_the_collector_that_the_environment_names_and_a_shutdown_waits_for_it";
    if env::var_os("ALLM_AGAIN").is_some() {
        let _telemetry = allm_telemetry::init().unwrap();
        let call = async {}.in_span_infallible(Span::generate().model("gpt-5"));
        futures::executor::block_on(call);
        let report = allm_telemetry::handler::shutdown_blocking(LONG);
        assert_eq!(report.to_string(), "otlp: 1 written, 0 lost; open spans: none");
        return;
    }
    let receiver = Receiver::start();
    again(TEST, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint()), ("OTEL_METRICS_EXPORTER", "none")]);
    assert!(String::from_utf8_lossy(&receiver.bytes()).contains("gpt-5"));
}

#[test]
fn init_sends_nothing_if_no_variable_names_a_collector_and_refuses_one_that_is_invalid() {
    const TEST: &str =
        "environment::init_sends_nothing_if_no_variable_names_a_collector_and_refuses_one_that_is_invalid";
    if env::var_os("ALLM_AGAIN").is_some() {
        let initialised = allm_telemetry::init();
        if env::var_os("OTEL_TRACES_EXPORTER").is_some() {
            let error = initialised.unwrap_err();
            let why = std::error::Error::source(&error).unwrap().to_string();
            assert!(why.contains("OTEL_TRACES_EXPORTER is \"zipkin\""), "{why}");
        } else {
            drop(initialised.unwrap());
        }
        assert!(allm_telemetry::handler::list_handlers("").is_empty());
        return;
    }
    again(TEST, &[("OTEL_SERVICE_NAME", "weekend")]);
    again(TEST, &[("OTEL_TRACES_EXPORTER", "zipkin")]);
}
