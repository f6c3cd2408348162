//! The buckets, as `metrics-exporter-prometheus` shows them.

use std::sync::Arc;
use std::time::Duration;

use allm_telemetry::bridge::metrics::{Metrics, buckets};
use allm_telemetry::{Telemetry, Usage, adapter_retry, convention::Convention, prelude::*};
use metrics::Recorder;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

/// The page after one of everything was measured.
fn page(builder: PrometheusBuilder) -> String {
    let recorder = Arc::new(builder.build_recorder());
    let handle = recorder.handle();
    let telemetry = Telemetry::new();
    let for_bridge: Arc<dyn Recorder + Send + Sync> = recorder;
    Metrics::new().recorder(for_bridge).attach("metrics", &telemetry).unwrap();
    telemetry.run(|| {
        let mut span = Span::stream().engine("openai").model("gpt-5").start();
        span.enter(|| adapter_retry(1, Duration::ZERO, "429"));
        span.record(|record| record.usage(Usage::new().input(500_u64).output(1_u64)));
        (0..2).for_each(|_| span.chunk(|_| {}));
        drop(span);
        Span::embed(1).start().complete();
        Span::tool("search", "call").start().complete();
        Span::chat().start().complete();
    });
    handle.render()
}

fn with_buckets() -> PrometheusBuilder {
    let set = |builder: PrometheusBuilder, (name, bounds): (String, &[f64])| {
        builder.set_buckets_for_metric(Matcher::Full(name), bounds)
    };
    buckets(&Convention::new()).try_fold(PrometheusBuilder::new(), set).unwrap()
}

/// The upper bounds of the first series of a histogram.
fn bounds(page: &str, name: &str) -> Vec<String> {
    let lines = page.lines().filter(|line| line.starts_with(&format!("{name}_bucket{{")));
    let mut bounds = Vec::new();
    for line in lines {
        let bound = line.split("le=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        bounds.push(bound);
        if bounds.last().is_some_and(|bound| bound == "+Inf") {
            break;
        }
    }
    bounds
}

const SECONDS: &str = "0.01 0.02 0.04 0.08 0.16 0.32 0.64 1.28 2.56 5.12 10.24 20.48 40.96 81.92 +Inf";
const LONG: &str = "0.1 0.2 0.4 0.8 1.6 3.2 6.4 12.8 25.6 51.2 102.4 204.8 409.6 +Inf";
const TOKENS: &str = "1 4 16 64 256 1024 4096 16384 65536 262144 1048576 4194304 16777216 67108864 +Inf";

const HISTOGRAMS: [(&str, &str); 6] = [
    ("gen_ai_client_operation_duration_seconds", SECONDS),
    ("gen_ai_client_operation_time_to_first_chunk_seconds", SECONDS),
    ("gen_ai_client_operation_time_per_output_chunk_seconds", SECONDS),
    ("gen_ai_execute_tool_duration_seconds", SECONDS),
    ("gen_ai_invoke_agent_duration_seconds", LONG),
    ("gen_ai_client_token_usage", TOKENS),
];

#[test]
fn every_histogram_has_the_buckets_of_the_convention() {
    let page = page(with_buckets());
    for (name, expected) in HISTOGRAMS {
        assert!(page.contains(&format!("# TYPE {name} histogram\n")), "{name}: {page}");
        assert_eq!(bounds(&page, name).join(" "), expected, "{name}");
    }
}

#[test]
fn names_are_the_same_under_every_setting_of_the_exporter() {
    let names = |builder| {
        let page = page(builder);
        let mut names: Vec<_> =
            page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(str::to_owned).collect();
        names.sort();
        names
    };
    let plain = names(with_buckets());
    let counters = ["allm_adapter_retries_total", "allm_stream_dropped_total", "allm_usage_unknown_total"];
    let counters = counters.map(|name| format!("{name} counter"));
    let histograms = HISTOGRAMS.map(|(name, _)| format!("{name} histogram"));
    let mut expected: Vec<_> = histograms.into_iter().chain(counters).collect();
    expected.sort();
    assert_eq!(plain, expected);
    assert_eq!(names(with_buckets().with_recommended_naming(true)), plain);
    #[allow(deprecated, reason = "who has it set sees the same names")]
    let with_unit_suffix = with_buckets().set_enable_unit_suffix(true);
    assert_eq!(names(with_unit_suffix), plain);
}

#[test]
fn every_name_on_the_page_has_its_description() {
    let page = page(with_buckets());
    for (name, _) in HISTOGRAMS {
        assert!(page.contains(&format!("# HELP {name} ")), "{name}: {page}");
    }
    assert!(page.contains("# HELP allm_stream_dropped_total Streams that their readers dropped"), "{page}");
}

#[test]
fn a_value_falls_into_its_bucket() {
    let page = page(with_buckets());
    let labels =
        "gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"openai\",gen_ai_request_model=\"gpt-5\"";
    let line = |kind: &str, bound: &str, count: u32| {
        format!(
            "gen_ai_client_token_usage_bucket{{{labels},gen_ai_token_type=\"{kind}\",le=\"{bound}\"}} {count}\n"
        )
    };
    for expected in [line("input", "256", 0), line("input", "1024", 1), line("output", "1", 1)] {
        assert!(page.contains(&expected), "{expected} in {page}");
    }
}
