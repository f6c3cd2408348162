//! A setting that cannot be obeyed is an error of `build`.

use allm_telemetry::bridge::otlp::{Otlp, OtlpError};

use crate::variables::*;

fn refused(variables: Variables<'_>, set_up: impl FnOnce(Otlp) -> Otlp) -> OtlpError {
    let built = set_up(Otlp::new().environment(environment(variables))).build();
    built.err().unwrap_or_else(|| panic!("{variables:?} is not refused"))
}

#[test]
fn what_cannot_be_obeyed_is_an_error_that_names_the_variable_and_what_is_valid() {
    let https = "https://collector.example";
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let table: &[(Variables<'_>, &str)] = &[
        (&[("OTEL_SDK_DISABLED", "yes")], "true or false"),
        (&[("OTEL_TRACES_EXPORTER", "zipkin")], "otlp or none"),
        (&[("OTEL_TRACES_EXPORTER", "otlp,console")], "otlp or none"),
        (&[("OTEL_METRICS_EXPORTER", "prometheus")], "otlp or none"),
        (&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")], "grpc or http/protobuf"),
        (&[("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json")], "not supported"),
        (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")], "http://127.0.0.1:4318"),
        (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector")], "http://127.0.0.1:4318"),
        (&[("OTEL_EXPORTER_OTLP_ENDPOINT", https)], "Otlp::http_client"),
        (&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", https)], "Otlp::http_client"),
        (&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", https)], "Otlp::http_client"),
        (&[grpc, ("OTEL_EXPORTER_OTLP_ENDPOINT", https)], "Otlp::grpc_channel"),
        (&[grpc, ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")], "Otlp::grpc_channel"),
        (&[grpc, ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://collector/base")], "no path"),
        (&[grpc, ("OTEL_EXPORTER_OTLP_INSECURE", "1")], "true or false"),
        (&[("OTEL_EXPORTER_OTLP_HEADERS", "a=1,secret")], "entry 2"),
        (&[("OTEL_EXPORTER_OTLP_HEADERS", "a=%zz")], "entry 1"),
        (&[("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "no name=secret")], "\"no name\""),
        (&[("OTEL_EXPORTER_OTLP_HEADERS", "a=sec%0Aret")], "\"a\""),
        (&[("OTEL_EXPORTER_OTLP_TIMEOUT", "0")], "milliseconds"),
        (&[("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "10s")], "milliseconds"),
        (&[("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd")], "gzip or none"),
        (&[("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "deflate")], "gzip or none"),
        (&[("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem")], "no TLS"),
        (&[("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "c.pem")], "no TLS"),
        (&[("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "k.pem")], "no TLS"),
        (&[("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "often")], "cumulative"),
        (
            &[(
                "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
                "base2_exponential_bucket_histogram",
            )],
            "explicit_bucket_histogram",
        ),
        (&[("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based")], "always_off"),
        (&[("OTEL_METRIC_EXPORT_INTERVAL", "0")], "milliseconds"),
        (&[("OTEL_METRIC_EXPORT_TIMEOUT", "-1")], "milliseconds"),
        (&[("OTEL_BSP_SCHEDULE_DELAY", "soon")], "milliseconds"),
        (&[("OTEL_BSP_EXPORT_TIMEOUT", "1e3")], "milliseconds"),
        (&[("OTEL_BSP_MAX_QUEUE_SIZE", "0")], "above 0"),
        (&[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "many")], "above 0"),
        (&[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096")], "2048"),
        (&[("OTEL_BSP_MAX_CONCURRENT_EXPORTS", "4")], "one at a time"),
        (&[("OTEL_TRACES_SAMPLER", "jaeger_remote")], "parentbased_traceidratio"),
        (&[("OTEL_TRACES_SAMPLER", "xray")], "always_on"),
        (&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "10%")], "from 0 to 1"),
        (&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")], "from 0 to 1"),
        (&[("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "few")], "whole number"),
        (&[("OTEL_ATTRIBUTE_COUNT_LIMIT", "-1")], "whole number"),
        (&[("OTEL_SPAN_EVENT_COUNT_LIMIT", "x")], "whole number"),
        (&[("OTEL_SPAN_LINK_COUNT_LIMIT", "x")], "whole number"),
        (&[("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "x")], "whole number"),
        (&[("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "x")], "whole number"),
        (&[("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1k")], "whole number"),
        (&[("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1k")], "whole number"),
        (&[("OTEL_RESOURCE_ATTRIBUTES", "team=a,secret")], "entry 2"),
        (&[("OTEL_CONFIG_FILE", "otel.yaml")], "not supported"),
        (&[("OTEL_EXPERIMENTAL_CONFIG_FILE", "otel.yaml")], "not supported"),
    ];
    for (variables, says) in table {
        let error = refused(variables, |otlp| otlp).to_string();
        let (variable, _) = variables.last().unwrap();
        assert!(error.contains(variable) && error.contains(says), "{variables:?}: {error}");
        assert!(!error.contains("secret") && !error.contains("ret"), "{error}");
    }
}

#[test]
fn a_setting_in_code_that_cannot_be_used_is_an_error_that_says_which_and_tells_no_key() {
    type SetUp = fn(Otlp) -> Otlp;
    let table: [(SetUp, &str); 7] = [
        (|otlp| otlp.http().endpoint("https://u:secret@collector?key=secret"), "Otlp::http_client"),
        (
            |otlp| otlp.http().endpoint("https://collector:4318/base?key=secret"),
            "https://collector:4318/base/v1",
        ),
        (|otlp| otlp.grpc().endpoint("https://collector"), "Otlp::grpc_channel"),
        (|otlp| otlp.grpc().endpoint("http://collector/base"), "no path"),
        (|otlp| otlp.http().endpoint("not a URL with a secret"), "the endpoint is not a URL"),
        (|otlp| otlp.header("key", "sec\nret"), "\"key\""),
        (|otlp| otlp.header("no header", "secret"), "\"no header\""),
    ];
    for (set_up, says) in table {
        let error = refused(&[], set_up).to_string();
        assert!(error.contains(says), "{error}");
        let shown = format!("{:?}", set_up(Otlp::new()));
        assert!(!error.contains("ret") && !shown.contains("secret"), "{error}");
    }
}
