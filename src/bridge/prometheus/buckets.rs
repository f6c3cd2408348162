use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

use crate::convention::Convention;

/// Sets the buckets of this crate's histograms. Without them the exporter makes summaries, which cannot be added up
/// over processes.
///
/// # Examples
///
/// ```
/// use allm_telemetry::bridge::prometheus::with_buckets;
/// use metrics_exporter_prometheus::PrometheusBuilder;
///
/// let recorder = with_buckets(PrometheusBuilder::new().with_recommended_naming(true)).build_recorder();
/// # let _ = recorder;
/// ```
#[must_use = "it returns the builder with the buckets"]
pub fn with_buckets(builder: PrometheusBuilder) -> PrometheusBuilder {
    let instruments = Convention::new().instruments();
    let histograms = instruments.iter().filter_map(|it| Some((it.name_with_unit(), it.boundaries?)));
    histograms.fold(builder, |builder, (name, bounds)| {
        builder.set_buckets_for_metric(Matcher::Full(name), bounds).expect("a histogram has buckets")
    })
}
