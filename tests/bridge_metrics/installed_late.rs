//! A process whose recorder is installed after the bridge: a test of the global one, so it has a process of its own.

use allm_telemetry::{Telemetry, bridge::metrics::Metrics, prelude::*};
use futures::executor::block_on;
use futures::{StreamExt as _, stream};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::support::own_process::passes_in_its_own_process;

async fn stream_of_three() {
    let tokens = stream::iter([1, 2, 3]).in_span_infallible(Span::stream().engine("openai"));
    assert_eq!(tokens.count().await, 3);
}

#[test]
fn a_recorder_that_is_installed_late_gets_all_from_then_on_with_descriptions() {
    passes_in_its_own_process(|| {
        block_on(async {
            Metrics::new().attach("metrics", &Telemetry::global()).unwrap();
            stream_of_three().await;
            let prometheus = PrometheusBuilder::new().install_recorder().unwrap();
            assert_eq!(prometheus.render(), "", "what was before is lost");
            stream_of_three().await;
            let page = prometheus.render();
            let labels = "{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"openai\"";
            assert!(page.contains("# HELP gen_ai_client_operation_duration_seconds How long"), "{page}");
            assert!(
                page.contains(&format!(
                    "gen_ai_client_operation_duration_seconds_count{labels},allm_outcome=\"completed\"}} 1\n"
                )),
                "{page}"
            );
            assert!(
                page.contains(&format!(
                    "gen_ai_client_operation_time_per_output_chunk_seconds_count{labels}}} 2\n"
                )),
                "{page}"
            );
        })
    });
}
