use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

use crate::convention::Convention;

/// Sets the buckets of a convention's histograms. Without them the exporter makes summaries, which cannot be added up
/// over processes.
///
/// # Examples
///
/// ```
/// use allm_telemetry::bridge::prometheus::with_buckets;
/// use allm_telemetry::convention::Convention;
/// use metrics_exporter_prometheus::PrometheusBuilder;
///
/// let builder = PrometheusBuilder::new().with_recommended_naming(true);
/// let recorder = with_buckets(builder, &Convention::new()).build_recorder();
/// # let _ = recorder;
/// ```
#[must_use = "it returns the builder with the buckets"]
pub fn with_buckets(builder: PrometheusBuilder, convention: &Convention) -> PrometheusBuilder {
    let histograms =
        convention.instruments().iter().filter_map(|it| Some((it.name_with_unit(), it.boundaries()?)));
    histograms.fold(builder, |builder, (name, bounds)| {
        // An empty list of buckets is an error of the exporter: the histogram stays as it was.
        if bounds.is_empty() {
            builder
        } else {
            builder.set_buckets_for_metric(Matcher::Full(name), bounds).expect("a histogram has buckets")
        }
    })
}
