//! Settings of the SDK: sampling, limits, batches, the resource.

use std::time::Instant;

use allm_telemetry::bridge::otlp::{Otlp, opentelemetry_sdk::trace::Sampler};
use allm_telemetry::{adapter_retry, prelude::*};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span as Sent;

use crate::receiver::{Mood, Receiver};
use crate::support::ms;
use crate::variables::*;

#[tokio::test]
async fn the_sampler_is_that_of_the_code_or_of_the_environment() {
    let off = ("OTEL_TRACES_SAMPLER", "always_off");
    let none = [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0.0")];
    let all = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "1")];
    assert_eq!(sent(&[off]).await.receiver.spans().len(), 0);
    assert_eq!(sent(&none).await.receiver.spans().len(), 0);
    assert_eq!(sent(&all).await.receiver.spans().len(), 3);
    let by_code = |otlp: Otlp, _: &Receiver| otlp.traces_with(|it| it.with_sampler(Sampler::AlwaysOn));
    assert_eq!(sent_with(&[off], by_code).await.receiver.spans().len(), 3);
}

/// A span with attributes, and with events that have attributes.
async fn limited(variables: Variables<'_>) -> Sent {
    let world = world(variables, |otlp, _| otlp.without_metrics());
    let call = async {
        adapter_retry(1, ms(1), "429");
        adapter_retry(2, ms(1), "429");
        adapter_retry(3, ms(1), "429");
    };
    let span = Span::generate().engine("öpenai").model("gpt-5-mini").stop_sequences(["a long one", "b"]);
    world.capture.scope(call.in_span_infallible(span)).await;
    assert!(world.flush().await.is_complete());
    world.receiver.spans().remove(0)
}

#[tokio::test]
async fn the_limits_of_attributes_events_and_lengths_are_obeyed() {
    let whole = limited(&[]).await;
    assert!(whole.attributes.len() > 10 && whole.events.len() == 3);
    assert_eq!(limited(&[("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "3")]).await.attributes.len(), 3);
    let both =
        limited(&[("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "5"), ("OTEL_ATTRIBUTE_COUNT_LIMIT", "1")]).await;
    assert_eq!((both.attributes.len(), both.events[0].attributes.len()), (5, 1));
    assert_eq!(limited(&[("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "0")]).await.events[0].attributes.len(), 0);
    assert_eq!(limited(&[("OTEL_SPAN_EVENT_COUNT_LIMIT", "2")]).await.events.len(), 2);
    let drop_links = [("OTEL_SPAN_LINK_COUNT_LIMIT", "0"), ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "0")];
    assert_eq!(
        limited(&drop_links).await.attributes.len(),
        whole.attributes.len(),
        "they concern links alone"
    );

    for name in ["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"] {
        let short = limited(&[(name, "3")]).await;
        assert_eq!(text(&short.attributes, "gen_ai.request.model"), Some("gpt"));
        assert_eq!(text(&short.attributes, "allm.engine"), Some("öpe"), "in characters");
        assert!(
            format!("{short:?}").contains("\"a l\"") && !format!("{short:?}").contains("a long"),
            "in lists"
        );
    }
    let own = [("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "5"), ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")];
    assert_eq!(text(&limited(&own).await.attributes, "gen_ai.request.model"), Some("gpt-5"));
}

#[tokio::test]
async fn the_size_of_the_queue_and_of_a_batch_are_obeyed() {
    let variables = [("OTEL_BSP_MAX_QUEUE_SIZE", "4"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "500")];
    let world = world(&variables, |otlp, _| otlp.without_metrics());
    world.receiver.becomes(Mood::Swallows);
    world.calls(10).await;
    let spans = world.pipeline.report().spans;
    assert_eq!((spans.queue_full, spans.unknown), (6, 4));

    let world = sent(&[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"), ("OTEL_METRICS_EXPORTER", "none")]).await;
    assert_eq!(paths(&world), ["/v1/traces"; 3]);
}

#[tokio::test]
async fn the_delay_of_spans_and_the_interval_of_metrics_are_obeyed() {
    let world =
        world(&[("OTEL_BSP_SCHEDULE_DELAY", "20"), ("OTEL_METRIC_EXPORT_INTERVAL", "20")], |otlp, _| otlp);
    world.calls(1).await;
    let begun = Instant::now();
    // Nothing is flushed: by default they would be sent after 5 and 60 seconds.
    while world.receiver.spans().is_empty() || world.receiver.metrics().is_empty() {
        assert!(begun.elapsed() < ms(4_000), "{:?}", paths(&world));
        tokio::time::sleep(ms(5)).await;
    }
}

#[tokio::test]
async fn the_temporality_is_obeyed() {
    for (preference, expected) in [("cumulative", 2), ("Delta", 1), ("lowmemory", 1)] {
        let variable = ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference);
        let world = sent(&[variable, ("OTEL_TRACES_EXPORTER", "none")]).await;
        let metrics =
            world.receiver.metrics().remove(0).resource_metrics.remove(0).scope_metrics.remove(0).metrics;
        let histogram = metrics.into_iter().find_map(|metric| match metric.data {
            Some(Data::Histogram(histogram)) => Some(histogram.aggregation_temporality),
            _ => None,
        });
        assert_eq!(histogram, Some(expected), "{preference}");
    }
}

async fn resource(variables: Variables<'_>, set_up: impl FnOnce(Otlp) -> Otlp) -> Vec<KeyValue> {
    let world = sent_with(variables, |otlp, _| set_up(otlp)).await;
    let traces = world.receiver.traces()[0].resource_spans[0].resource.clone().unwrap().attributes;
    let metrics = world.receiver.metrics()[0].resource_metrics[0].resource.clone().unwrap().attributes;
    let sorted = |mut attributes: Vec<KeyValue>| {
        attributes.sort_by_key(|attribute| attribute.key.clone());
        attributes
    };
    let traces = sorted(traces);
    assert_eq!(traces, sorted(metrics), "both signals have the same");
    traces
}

#[tokio::test]
async fn the_resource_names_the_service_its_instance_and_the_sdk() {
    let bare = resource(&[], |otlp| otlp).await;
    let name = text(&bare, "service.name").unwrap();
    assert!(name.starts_with("unknown_service:otlp-"), "{name}");
    let instance = text(&bare, "service.instance.id").unwrap();
    let groups: Vec<usize> = instance.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{instance}");
    assert_eq!(
        (&instance[14..15], instance[19..20].contains(['8', '9', 'a', 'b'])),
        ("4", true),
        "a UUID of version 4"
    );
    assert_eq!(text(&bare, "telemetry.sdk.language"), Some("rust"));
    assert_eq!(text(&bare, "telemetry.sdk.name"), Some("opentelemetry"));
    assert!(text(&bare, "telemetry.sdk.version").unwrap().starts_with("0.33."));

    let attributes =
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=low, team = a%2Cb ,service.instance.id=pod-1");
    let named = resource(&[attributes], |otlp| otlp).await;
    assert_eq!(text(&named, "service.name"), Some("low"));
    assert_eq!((text(&named, "team"), text(&named, "service.instance.id")), (Some("a,b"), Some("pod-1")));
    let both = [attributes, ("OTEL_SERVICE_NAME", "high")];
    assert_eq!(text(&resource(&both, |otlp| otlp).await, "service.name"), Some("high"));
    let code = resource(&both, |otlp| otlp.service_name("code")).await;
    assert_eq!(text(&code, "service.name"), Some("code"));
}

#[tokio::test]
async fn two_pipelines_of_a_process_are_one_instance() {
    let (one, other) = (resource(&[], |otlp| otlp).await, resource(&[], Otlp::grpc).await);
    assert_eq!(text(&one, "service.instance.id"), text(&other, "service.instance.id"));
}
