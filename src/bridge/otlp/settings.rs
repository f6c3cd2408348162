//! The settings of a pipeline: what is set in code, completed by the environment.
//!
//! Every variable of the specification is obeyed or refused here. The SDK reads some of them on its own, and ignores values
//! that it does not understand, so everything that it would read is set explicitly.

use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::trace::{BatchConfig, BatchConfigBuilder, Sampler, SpanLimits};

use super::destination::{Destination, Target};
use super::environment::Environment;
use super::error::OtlpError;
use super::resource::resource;
use super::signal::Signal;

/// What is set in code.
#[derive(Default)]
pub(super) struct Options {
    pub(super) target: Target,
    pub(super) service_name: Option<String>,
    /// How many spans may wait, and how many bytes they may have.
    pub(super) queue: Option<usize>,
    pub(super) queue_bytes: Option<usize>,
    pub(super) without_metrics: bool,
}

/// What the pipeline is built of.
pub(super) struct Settings {
    pub(super) traces: Option<Traces>,
    pub(super) metrics: Option<Metrics>,
    pub(super) resource: Resource,
    pub(super) sampler: Sampler,
    pub(super) limits: SpanLimits,
}

pub(super) struct Traces {
    pub(super) destination: Destination,
    pub(super) batches: BatchConfig,
    pub(super) queue: usize,
    pub(super) queue_bytes: usize,
    /// The largest length of the text of an attribute, in characters.
    pub(super) max_length: Option<usize>,
}

pub(super) struct Metrics {
    pub(super) destination: Destination,
    pub(super) interval: Duration,
    pub(super) temporality: Temporality,
}

impl Settings {
    const QUEUE: usize = 2_048;
    const QUEUE_BYTES: usize = 64 * 1_024 * 1_024;
    const BATCH: usize = 512;
    const DELAY: Duration = Duration::from_secs(5);
    const INTERVAL: Duration = Duration::from_secs(60);

    /// `None` if `OTEL_SDK_DISABLED` is true.
    ///
    /// # Errors
    ///
    /// If a setting is invalid or not supported.
    pub(super) fn new(options: Options, environment: &Environment) -> Result<Option<Self>, OtlpError> {
        if environment.truth(&["OTEL_SDK_DISABLED"])?.unwrap_or(false) {
            return Ok(None);
        }
        refuse_unsupported(environment)?;
        let has_traces = is_exported("OTEL_TRACES_EXPORTER", environment)?;
        let has_metrics = !options.without_metrics && is_exported("OTEL_METRICS_EXPORTER", environment)?;
        let Options { target, service_name, queue, queue_bytes, .. } = options;
        let metrics = has_metrics.then(|| metrics(target.clone(), environment)).transpose()?;
        let traces = has_traces.then(|| traces(target, queue, queue_bytes, environment)).transpose()?;
        Ok(Some(Self {
            traces,
            metrics,
            resource: resource(service_name, environment)?,
            sampler: sampler(environment)?,
            limits: limits(environment)?,
        }))
    }
}

fn traces(
    target: Target,
    queue: Option<usize>,
    queue_bytes: Option<usize>,
    environment: &Environment,
) -> Result<Traces, OtlpError> {
    let from_environment = environment.positive("OTEL_BSP_MAX_QUEUE_SIZE")?;
    let queue = queue.or(from_environment).unwrap_or(Settings::QUEUE).max(1);
    let batch = environment.positive("OTEL_BSP_MAX_EXPORT_BATCH_SIZE")?;
    if let Some(batch) = batch.filter(|batch| *batch > queue) {
        let message =
            format!("OTEL_BSP_MAX_EXPORT_BATCH_SIZE is {batch}, more than the {queue} spans of the queue");
        return Err(OtlpError::setting(message));
    }
    let why = "exports run one at a time";
    environment.refuse("OTEL_BSP_MAX_CONCURRENT_EXPORTS", &["1"], why)?;
    let delay = environment.milliseconds(&["OTEL_BSP_SCHEDULE_DELAY"])?;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(queue)
        .with_max_export_batch_size(batch.unwrap_or(Settings::BATCH).min(queue))
        .with_scheduled_delay(delay.unwrap_or(Settings::DELAY));
    let lengths = ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"];
    Ok(Traces {
        destination: Destination::new(Signal::Traces, target, environment)?,
        batches: batches.build(),
        queue,
        queue_bytes: queue_bytes.unwrap_or(Settings::QUEUE_BYTES),
        max_length: environment.number(&lengths)?,
    })
}

fn metrics(target: Target, environment: &Environment) -> Result<Metrics, OtlpError> {
    let preference = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    let valid = "cumulative, delta or lowmemory";
    let temporality = environment.parsed(&[preference], valid, |value| match &*value.to_ascii_lowercase() {
        "cumulative" => Some(Temporality::Cumulative),
        "delta" => Some(Temporality::Delta),
        "lowmemory" => Some(Temporality::LowMemory),
        _ => None,
    });
    environment.refuse(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        &["explicit_bucket_histogram"],
        "the conventions define the buckets: only explicit_bucket_histogram is supported; set a view by `Otlp::meters_with`",
    )?;
    let why = "the SDK has no exemplars: only always_off is supported";
    environment.refuse("OTEL_METRICS_EXEMPLAR_FILTER", &["always_off"], why)?;
    Ok(Metrics {
        destination: Destination::new(Signal::Metrics, target, environment)?,
        interval: environment.milliseconds(&["OTEL_METRIC_EXPORT_INTERVAL"])?.unwrap_or(Settings::INTERVAL),
        temporality: temporality?.unwrap_or_default(),
    })
}

fn is_exported(variable: &str, environment: &Environment) -> Result<bool, OtlpError> {
    let exporter = environment.parsed(&[variable], "otlp or none", |value| match value {
        "otlp" => Some(true),
        "none" => Some(false),
        _ => None,
    });
    Ok(exporter?.unwrap_or(true))
}

fn sampler(environment: &Environment) -> Result<Sampler, OtlpError> {
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    let valid = "a number from 0 to 1";
    let ratio = environment.parsed(&[ARGUMENT], valid, |value| {
        value.parse::<f64>().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
    });
    let by_parent = |root| Sampler::ParentBased(Box::new(root));
    let valid = "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or \
                 parentbased_traceidratio";
    let sampler = environment.parsed(&["OTEL_TRACES_SAMPLER"], valid, |value| {
        let (root, has_parent) = match value.strip_prefix("parentbased_") {
            Some(root) => (root, true),
            None => (value, false),
        };
        let root = match root {
            "always_on" => Ok(Sampler::AlwaysOn),
            "always_off" => Ok(Sampler::AlwaysOff),
            "traceidratio" => ratio.map(|ratio| Sampler::TraceIdRatioBased(ratio.unwrap_or(1.0))),
            _ => return None,
        };
        Some(root.map(|root| if has_parent { by_parent(root) } else { root }))
    });
    sampler?.unwrap_or_else(|| Ok(by_parent(Sampler::AlwaysOn)))
}

fn limits(environment: &Environment) -> Result<SpanLimits, OtlpError> {
    const ALL: &str = "OTEL_ATTRIBUTE_COUNT_LIMIT";
    let limit = |names: &[&str], default| Ok::<u32, OtlpError>(environment.number(names)?.unwrap_or(default));
    let defaults = SpanLimits::default();
    Ok(SpanLimits {
        max_attributes_per_span: limit(
            &["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", ALL],
            defaults.max_attributes_per_span,
        )?,
        max_events_per_span: limit(&["OTEL_SPAN_EVENT_COUNT_LIMIT"], defaults.max_events_per_span)?,
        max_links_per_span: limit(&["OTEL_SPAN_LINK_COUNT_LIMIT"], defaults.max_links_per_span)?,
        max_attributes_per_event: limit(
            &["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", ALL],
            defaults.max_attributes_per_event,
        )?,
        max_attributes_per_link: limit(
            &["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", ALL],
            defaults.max_attributes_per_link,
        )?,
    })
}

/// Refuses settings of the whole SDK that change what would be sent, and that nothing here implements.
fn refuse_unsupported(environment: &Environment) -> Result<(), OtlpError> {
    let why = "configuration files are not supported";
    environment.refuse("OTEL_CONFIG_FILE", &[], why)?;
    environment.refuse("OTEL_EXPERIMENTAL_CONFIG_FILE", &[], why)
}
