use crate::convention::Convention;

/// Returns the names of a convention's histograms, each with the upper bounds of its buckets, to configure an exporter.
///
/// # Examples
///
/// With any version of `metrics-exporter-prometheus`:
///
/// ```
/// use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
///
/// use allm_telemetry::{bridge::metrics::buckets, convention::Convention};
///
/// let convention = Convention::new();
/// let builder = buckets(&convention)
///     .try_fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
///         builder.set_buckets_for_metric(Matcher::Full(name), bounds)
///     })?;
/// # let _ = builder;
/// # Ok::<(), metrics_exporter_prometheus::BuildError>(())
/// ```
pub fn buckets(convention: &Convention) -> impl Iterator<Item = (String, &[f64])> {
    convention.instruments().iter().filter_map(|it| Some((it.name_with_unit(), it.boundaries()?)))
}
