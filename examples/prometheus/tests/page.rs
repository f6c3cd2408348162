//! The page, read by promtool and by a real Prometheus where they are installed (Debian's package `prometheus`).

mod tools;

use tools::{Prometheus, Service, missing, promtool_check};

const HISTOGRAMS: [&str; 6] = [
    "gen_ai_client_operation_duration_seconds",
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    "gen_ai_client_operation_time_per_output_chunk_seconds",
    "gen_ai_execute_tool_duration_seconds",
    "gen_ai_invoke_agent_duration_seconds",
    "gen_ai_client_token_usage",
];

const COUNTERS: [&str; 3] =
    ["allm_adapter_retries_total", "allm_stream_dropped_total", "allm_usage_unknown_total"];

/// A service on whose page every instrument has been seen.
fn service() -> (Service, String) {
    let service = Service::start();
    let all = |page: &String| {
        let types = HISTOGRAMS.map(|name| format!("# TYPE {name} histogram\n"));
        let counters = COUNTERS.map(|name| format!("# TYPE {name} counter\n"));
        types.iter().chain(&counters).all(|line| page.contains(line))
    };
    let page = service.page_with(all);
    (service, page)
}

#[test]
fn the_page_has_every_instrument_and_passes_promtool() {
    let (_service, page) = service();
    for said in ["tenant=\"acme\"", "gen_ai_request_model=\"gpt-5\"", "allm_error_type=\"rate_limited\""] {
        assert!(page.contains(said), "{said}: {page}");
    }
    for private in ["request_id", "umbrella", "slow down", "out of order"] {
        assert!(!page.contains(private), "{private}: {page}");
    }
    if missing("promtool") {
        return;
    }
    assert_eq!(promtool_check(&page), Ok(()));
    // What it says of a page that is not clean, so that its silence means something.
    let unclean = promtool_check(&page.replace("allm_stream_dropped_total", "allm_stream_dropped"));
    assert!(unclean.is_err_and(|said| said.contains("_total")), "promtool lints nothing");
}

#[test]
fn a_real_prometheus_scrapes_it_and_answers_questions() {
    if missing("prometheus") {
        return;
    }
    let (service, _) = service();
    let prometheus = Prometheus::scraping(&service);
    prometheus.until("up == 1", |value| value == 1.0);
    for name in HISTOGRAMS {
        prometheus.until(&format!("sum({name}_count)"), |value| value > 0.0);
        // Real buckets: a quantile is a number only of those.
        let quantile = format!("histogram_quantile(0.5, sum by (le) ({name}_bucket))");
        prometheus.until(&quantile, f64::is_finite);
    }
    for name in COUNTERS {
        prometheus.until(&format!("sum({name})"), |value| value > 0.0);
    }
    // A token comes every 12 ms: between the bounds 0.01 and 0.02.
    let gap =
        "histogram_quantile(0.5, sum by (le) (gen_ai_client_operation_time_per_output_chunk_seconds_bucket))";
    prometheus.until(gap, |value| value > 0.01 && value <= 0.04);
}
