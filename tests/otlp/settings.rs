//! Settings of the transport: each is obeyed, and what is set in code wins.

use allm_telemetry::bridge::otlp::{Otlp, Pipeline};
use allm_telemetry::convention::Convention;
use allm_telemetry::testing::Capture;

use crate::receiver::{Mood, Receiver};
use crate::support::ms;
use crate::variables::*;
use crate::world::*;

const BY_HTTP: [&str; 2] = ["/v1/metrics", "/v1/traces"];
const BY_GRPC: [&str; 2] = [
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
];

#[tokio::test]
async fn an_empty_variable_is_as_none() {
    let names = ["PROTOCOL", "HEADERS", "TIMEOUT", "COMPRESSION", "CERTIFICATE", "TRACES_ENDPOINT"];
    let names: Vec<String> = names.iter().map(|name| format!("OTEL_EXPORTER_OTLP_{name}")).collect();
    let others = ["OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER", "OTEL_CONFIG_FILE", "OTEL_BSP_MAX_QUEUE_SIZE"];
    let all: Vec<_> = names.iter().map(String::as_str).chain(others).map(|name| (name, " ")).collect();
    assert_eq!(paths(&sent(&all).await), BY_HTTP);
}

#[tokio::test]
async fn a_disabled_sdk_sends_nothing_and_counts_nothing() {
    let world = sent_with(
        &[("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "nonsense")],
        |otlp, _| otlp.traces_with(|_| panic!("it is not called")),
    );
    let world = world.await;
    assert!(paths(&world).is_empty());
    assert_eq!(world.pipeline.report(), Default::default());
    assert_eq!(paths(&sent(&[("OTEL_SDK_DISABLED", "false")]).await), BY_HTTP);
}

#[tokio::test]
async fn each_signal_can_be_left_out() {
    assert_eq!(paths(&sent(&[("OTEL_TRACES_EXPORTER", "none")]).await), BY_HTTP[..1]);
    assert_eq!(paths(&sent(&[("OTEL_METRICS_EXPORTER", "none")]).await), BY_HTTP[1..]);
    assert_eq!(
        paths(&sent(&[("OTEL_METRICS_EXPORTER", "otlp"), ("OTEL_TRACES_EXPORTER", "otlp")]).await),
        BY_HTTP
    );
}

#[tokio::test]
async fn the_protocol_is_that_of_the_code_or_of_the_signal_or_of_all() {
    let all = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    assert_eq!(paths(&sent(&[all]).await), BY_GRPC);
    assert_eq!(paths(&sent_with(&[all], |otlp, _| otlp.http()).await), BY_HTTP);
    let own = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf");
    assert_eq!(paths(&sent(&[all, own]).await), [BY_GRPC[1], BY_HTTP[0]]);
}

#[tokio::test]
async fn an_endpoint_with_or_without_the_path_of_a_signal_is_the_same() {
    for end in ["", "/", "/v1/traces", "/v1/metrics/", "/v1/logs"] {
        let by_code = |otlp: Otlp, receiver: &Receiver| otlp.endpoint(receiver.endpoint() + end);
        assert_eq!(paths(&sent_with(&[], by_code).await), BY_HTTP, "{end}");
        let below = |otlp: Otlp, receiver: &Receiver| otlp.endpoint(receiver.endpoint() + "/base" + end);
        assert_eq!(paths(&sent_with(&[], below).await), ["/base/v1/metrics", "/base/v1/traces"], "{end}");
        let by_grpc = |otlp: Otlp, receiver: &Receiver| otlp.grpc().endpoint(receiver.endpoint() + end);
        assert_eq!(paths(&sent_with(&[], by_grpc).await), BY_GRPC, "{end}");
        let receiver = Receiver::start();
        let url = receiver.endpoint() + end;
        let pipeline = Otlp::new().environment(environment(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)])).build();
        let world = flushed(receiver, pipeline.unwrap()).await;
        assert_eq!(paths(&world), BY_HTTP, "{end}");
    }
}

async fn flushed(receiver: Receiver, pipeline: Pipeline) -> World {
    let capture = Capture::new();
    attach(&pipeline, &capture, Convention::new());
    let world = World { capture, receiver, pipeline };
    world.calls(3).await;
    let report = world.flush().await;
    assert!(report.is_complete(), "{report}");
    world
}

#[tokio::test]
async fn the_endpoint_of_one_signal_is_used_as_it_is_and_one_in_code_wins() {
    let receiver = Receiver::start();
    let url = receiver.endpoint() + "/traces-only";
    let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url.as_str());
    let pipeline = Otlp::new().environment(environment(&[own])).without_metrics().build().unwrap();
    assert_eq!(paths(&flushed(receiver, pipeline).await), ["/traces-only"]);
    let world = sent_with(&[own], |otlp, receiver| otlp.endpoint(receiver.endpoint())).await;
    assert_eq!(paths(&world), BY_HTTP);
}

#[tokio::test]
async fn a_grpc_endpoint_without_a_scheme_is_plain_if_it_is_said_to_be_insecure() {
    let variables = [("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "true"), ("OTEL_EXPORTER_OTLP_INSECURE", "True")];
    let by_address = |otlp: Otlp, receiver: &Receiver| otlp.grpc().endpoint(receiver.address.to_string());
    assert_eq!(paths(&sent_with(&variables, by_address).await), BY_GRPC);
}

#[tokio::test]
async fn a_channel_and_a_client_of_the_user_are_used() {
    let by_channel = |otlp: Otlp, receiver: &Receiver| {
        let channel = tonic::transport::Endpoint::new(receiver.endpoint()).unwrap().connect_lazy();
        otlp.http().grpc_channel(channel)
    };
    assert_eq!(paths(&sent_with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://x")], by_channel).await), BY_GRPC);
    let client = || {
        let connector = hyper_util::client::legacy::connect::HttpConnector::new();
        opentelemetry_http::hyper::HyperClient::new(connector, LONG, None)
    };
    let by_client = |otlp: Otlp, _: &Receiver| otlp.grpc().http_client(client());
    assert_eq!(paths(&sent_with(&[], by_client).await), BY_HTTP);
    // A client may have TLS, so https is no error.
    let built = Otlp::new().environment(|_| None).endpoint("https://collector").http_client(client()).build();
    drop(built.unwrap());
}

#[tokio::test]
async fn headers_of_the_environment_are_decoded_and_those_in_code_win() {
    let all = ("OTEL_EXPORTER_OTLP_HEADERS", "X-Key=outside, x-other = a%20b=c ,");
    for by in [By::Http, By::Grpc] {
        let set_up = |otlp: Otlp, _: &Receiver| match by {
            By::Http => otlp.http().header("x-KEY", "code"),
            By::Grpc => otlp.grpc().header("x-KEY", "code"),
        };
        let world = sent_with(&[all], set_up).await;
        assert_eq!(header(&world, "x-key"), [Some("code".to_owned()), Some("code".to_owned())], "{by:?}");
        assert_eq!(header(&world, "x-other"), [Some("a b=c".to_owned()), Some("a b=c".to_owned())]);
    }
    let own = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-own=1");
    let world = sent(&[all, own, ("OTEL_METRICS_EXPORTER", "none")]).await;
    assert_eq!((header(&world, "x-own"), header(&world, "x-key")), (vec![Some("1".to_owned())], vec![None]));
}

#[tokio::test]
async fn a_request_names_its_sender() {
    for by in [Otlp::http, Otlp::grpc] {
        let world = sent_with(&[], |otlp, _| by(otlp)).await;
        let agents = header(&world, "user-agent");
        assert!(
            agents.iter().flatten().filter(|agent| agent.starts_with("allm-telemetry/")).count() == 2,
            "{agents:?}"
        );
    }
    let own = sent_with(&[], |otlp, _| otlp.header("User-Agent", "weekend/2")).await;
    assert_eq!(header(&own, "user-agent"), [Some("weekend/2".to_owned()), Some("weekend/2".to_owned())]);
}

#[tokio::test]
async fn credentials_in_a_url_are_sent_as_a_header_and_no_error_has_them_or_the_query() {
    let secret = |otlp: Otlp, receiver: &Receiver| {
        otlp.endpoint(format!("http://user:pass%20word@{}/base?key=secret", receiver.address))
            .without_metrics()
    };
    let world = sent_with(&[], secret).await;
    assert_eq!(header(&world, "authorization"), [Some("Basic dXNlcjpwYXNzIHdvcmQ=".to_owned())]);
    assert_eq!(world.receiver.look(|all| all[0].query.clone()).as_deref(), Some("key=secret"));

    world.receiver.becomes(Mood::Answers(hyper::StatusCode::NOT_FOUND));
    world.calls(1).await;
    let why = world.flush().await.last_failure.unwrap();
    assert_eq!(why, format!("HTTP status 404 Not Found from {}/base/v1/traces", world.receiver.endpoint()));
    let own =
        sent_with(&[], |otlp, receiver| secret(otlp, receiver).header("Authorization", "Bearer b")).await;
    assert_eq!(header(&own, "authorization"), [Some("Bearer b".to_owned())]);
}

#[tokio::test]
async fn requests_are_compressed_as_the_code_or_the_environment_says() {
    let all = ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
    let gzip = |count| vec![Some("gzip".to_owned()); count];
    assert_eq!(header(&sent(&[all]).await, "content-encoding"), gzip(2));
    assert_eq!(header(&sent_with(&[all], |otlp, _| otlp.grpc()).await, "grpc-encoding"), gzip(2));
    assert_eq!(header(&sent_with(&[], |otlp, _| otlp.gzip(true)).await, "content-encoding"), gzip(2));
    let plain = vec![None, None];
    assert_eq!(header(&sent_with(&[all], |otlp, _| otlp.gzip(false)).await, "content-encoding"), plain);
    assert_eq!(header(&sent_with(&[], |otlp, _| otlp.grpc()).await, "grpc-encoding"), plain);
    let own = ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none");
    let world = sent(&[all, own]).await;
    let traces = world.receiver.look(|all| {
        all.iter().find(|it| it.path == "/v1/traces").unwrap().headers.get("content-encoding").cloned()
    });
    assert_eq!(traces, None);
}

#[tokio::test]
async fn the_timeout_is_that_of_the_code_or_of_the_signal_or_of_all() {
    let all = ("OTEL_EXPORTER_OTLP_TIMEOUT", "150");
    let own = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "130");
    let of_sdk = ("OTEL_BSP_EXPORT_TIMEOUT", "110");
    let table: [(Variables<'_>, Option<u64>, &str); 5] = [
        (&[all], None, "150ms"),
        (&[all, own], None, "130ms"),
        (&[all, of_sdk], None, "110ms"),
        (&[of_sdk], None, "110ms"),
        (&[all, own, of_sdk], Some(170), "170ms"),
    ];
    for (variables, code, waited) in table {
        let world = world(variables, |otlp, _| match code {
            Some(time) => otlp.timeout(ms(time)).without_metrics(),
            None => otlp.without_metrics(),
        });
        world.receiver.becomes(Mood::Swallows);
        world.calls(1).await;
        let why = world.flush().await.last_failure.unwrap();
        assert!(why.ends_with(&format!("within {waited}")), "{variables:?}: {why}");
    }
}
