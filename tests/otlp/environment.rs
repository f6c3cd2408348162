//! Settings from the environment, in a process that has one of its own.

use std::env;
use std::process::Command;

use allm_telemetry::bridge::otlp::Otlp;
use allm_telemetry::convention::Convention;
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
