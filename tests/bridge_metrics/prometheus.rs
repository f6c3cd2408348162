//! The buckets, set by one call.

use std::sync::Arc;

use allm_telemetry::bridge::{metrics::Metrics, metrics::buckets, prometheus::with_buckets};
use allm_telemetry::{Telemetry, convention::Convention, prelude::*};
use metrics::Recorder;
use metrics_exporter_prometheus::PrometheusBuilder;

#[test]
fn one_call_sets_the_buckets_of_every_histogram() {
    let convention = Convention::new().histogram("queue_time", "s", &[0.5, 1.0][..]);
    let recorder = Arc::new(with_buckets(PrometheusBuilder::new(), &convention).build_recorder());
    for (name, bounds) in buckets(&convention) {
        let key = metrics::Key::from_name(name);
        let metadata = metrics::Metadata::new("test", metrics::Level::INFO, None);
        recorder.register_histogram(&key, &metadata).record(bounds[0]);
    }
    let page = recorder.handle().render();
    for (name, bounds) in buckets(&convention) {
        let name = name.replace('.', "_");
        let count = page.matches(&format!("{name}_bucket{{le=")).count();
        assert_eq!(count, bounds.len() + 1, "{name}: {page}");
        assert!(page.contains(&format!("{name}_bucket{{le=\"{}\"}} 1\n", bounds[0])), "{name}: {page}");
    }
    assert_eq!(buckets(&convention).count(), 7);
}

#[test]
fn a_histogram_of_the_users_own_keeps_its_form() {
    let recorder = Arc::new(with_buckets(PrometheusBuilder::new(), &Convention::new()).build_recorder());
    let handle = recorder.handle();
    let telemetry = Telemetry::new();
    let for_bridge: Arc<dyn Recorder + Send + Sync> = recorder.clone();
    Metrics::new().recorder(for_bridge).attach("metrics", &telemetry).unwrap();
    telemetry.run(|| Span::tool("search", "call").start().complete());
    metrics::with_local_recorder(&recorder, || metrics::histogram!("my.own").record(1.0));
    let page = handle.render();
    assert!(
        page.contains("# TYPE my_own summary")
            && page.contains("gen_ai_execute_tool_duration_seconds_bucket"),
        "{page}"
    );
}
