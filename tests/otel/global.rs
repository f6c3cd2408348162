//! The global providers, whenever they are set. A process of its own: they are global.

use allm_telemetry::bridge::otel::Otel;
use allm_telemetry::{Telemetry, prelude::*};
use opentelemetry::global;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};

use crate::support::own_process::passes_in_its_own_process;

fn providers() -> (SdkTracerProvider, InMemorySpanExporter, SdkMeterProvider, InMemoryMetricExporter) {
    let (spans, metrics) = (InMemorySpanExporter::default(), InMemoryMetricExporter::default());
    let reader = PeriodicReader::builder(metrics.clone()).build();
    let traces = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
    (traces, spans, SdkMeterProvider::builder().with_reader(reader).build(), metrics)
}

#[test]
fn a_bridge_that_was_attached_before_sends_to_the_global_providers_from_when_they_are_set() {
    passes_in_its_own_process(|| {
        let telemetry = Telemetry::new();
        Otel::new().attach("otel", &telemetry).unwrap();
        let call = || telemetry.run(|| Span::tool("t", "1").start().complete());
        call();
        // The second pair replaces the first, as in a program that sets up its pipeline anew.
        for _ in 0..2 {
            let (traces, spans, meters, metrics) = providers();
            global::set_tracer_provider(traces);
            global::set_meter_provider(meters.clone());
            call();
            assert_eq!(spans.get_finished_spans().unwrap().len(), 1);
            meters.force_flush().unwrap();
            assert_eq!(metrics.get_finished_metrics().unwrap().len(), 1);
            assert!(format!("{:?}", metrics.get_finished_metrics().unwrap()).contains("count: 1"));
        }
    });
}
