//! Divides metrics into requests that are not too large: first by metrics, and where one metric alone is too large, by its
//! data points.

use std::mem;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, Gauge, Histogram, Metric, ResourceMetrics, ScopeMetrics, Sum, Summary,
};
use prost::Message;

/// The tag and the length of a message that is a field of another one.
const FIELD: usize = 8;

/// Returns how many data points a request has.
pub(super) fn points(request: &ExportMetricsServiceRequest) -> u64 {
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics).map(|metric| points_of(metric) as u64).sum()
}

/// Returns requests of at most `max` bytes. One data point is not divided.
pub(super) fn divide(request: ExportMetricsServiceRequest, max: usize) -> Vec<ExportMetricsServiceRequest> {
    if request.encoded_len() <= max {
        return vec![request];
    }
    let mut requests = Vec::new();
    for mut resource in request.resource_metrics {
        for mut scope in mem::take(&mut resource.scope_metrics) {
            let metrics = mem::take(&mut scope.metrics);
            let head = resource.encoded_len() + scope.encoded_len() + 3 * FIELD;
            let mut pieces = Vec::new();
            metrics
                .into_iter()
                .for_each(|metric| split(metric, max.saturating_sub(head + FIELD), &mut pieces));
            let (mut metrics, mut size) = (Vec::new(), head);
            for piece in pieces {
                let piece_size = piece.encoded_len() + FIELD;
                if size + piece_size > max && !metrics.is_empty() {
                    requests.push(request_of(&resource, &scope, mem::take(&mut metrics)));
                    size = head;
                }
                size += piece_size;
                metrics.push(piece);
            }
            requests.push(request_of(&resource, &scope, metrics));
        }
    }
    requests
}

fn request_of(
    resource: &ResourceMetrics,
    scope: &ScopeMetrics,
    metrics: Vec<Metric>,
) -> ExportMetricsServiceRequest {
    let scope_metrics = vec![ScopeMetrics { metrics, ..scope.clone() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { scope_metrics, ..resource.clone() }],
    }
}

/// Halves a metric until each piece is at most `max` bytes or one data point.
fn split(mut metric: Metric, max: usize, pieces: &mut Vec<Metric>) {
    let count = points_of(&metric);
    if count > 1 && metric.encoded_len() > max {
        let rest = split_off(&mut metric, count / 2);
        split(metric, max, pieces);
        split(rest, max, pieces);
    } else {
        pieces.push(metric);
    }
}

fn points_of(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
        None => 0,
    }
}

/// Moves the data points from `at` into a metric of the same kind.
fn split_off(metric: &mut Metric, at: usize) -> Metric {
    let rest = metric.data.as_mut().map(|data| match data {
        Data::Gauge(data) => Data::Gauge(Gauge { data_points: data.data_points.split_off(at) }),
        Data::Sum(data) => {
            let data_points = data.data_points.split_off(at);
            let Sum { aggregation_temporality, is_monotonic, .. } = *data;
            Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })
        }
        Data::Histogram(data) => {
            let data_points = data.data_points.split_off(at);
            let aggregation_temporality = data.aggregation_temporality;
            Data::Histogram(Histogram { data_points, aggregation_temporality })
        }
        Data::ExponentialHistogram(data) => {
            let data_points = data.data_points.split_off(at);
            let aggregation_temporality = data.aggregation_temporality;
            Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
        }
        Data::Summary(data) => Data::Summary(Summary { data_points: data.data_points.split_off(at) }),
    });
    Metric {
        name: metric.name.clone(),
        description: metric.description.clone(),
        unit: metric.unit.clone(),
        metadata: metric.metadata.clone(),
        data: rest,
    }
}
