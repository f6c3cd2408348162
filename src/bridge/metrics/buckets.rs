use crate::convention::Convention;

/// Returns the names of the histograms, each with the upper bounds of its buckets, to configure an exporter.
///
/// # Examples
///
/// With any version of `metrics-exporter-prometheus`:
///
/// ```
/// use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
///
/// let builder = allm_telemetry::bridge::metrics::buckets()
///     .try_fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
///         builder.set_buckets_for_metric(Matcher::Full(name), bounds)
///     })?;
/// # let _ = builder;
/// # Ok::<(), metrics_exporter_prometheus::BuildError>(())
/// ```
pub fn buckets() -> impl Iterator<Item = (String, &'static [f64])> {
    let instruments = Convention::new().instruments();
    instruments.iter().filter_map(|instrument| Some((instrument.name_with_unit(), instrument.boundaries?)))
}
