//! A telemetry of its own whose spans and metrics go to a small collector.

use std::time::Duration;

use allm_telemetry::bridge::otel::Otel;
use allm_telemetry::bridge::otlp::{Otlp, Pipeline, Report};
use allm_telemetry::testing::Capture;
use allm_telemetry::{convention::Convention, prelude::*};

use crate::receiver::Receiver;

/// Longer than anything takes here.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// How a test sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Http,
    Grpc,
}

pub(crate) struct World {
    pub(crate) capture: Capture,
    pub(crate) receiver: Receiver,
    pub(crate) pipeline: Pipeline,
}

impl World {
    pub(crate) fn new(by: By) -> Self {
        Self::with(by, |otlp| otlp)
    }

    pub(crate) fn with(by: By, set_up: impl FnOnce(Otlp) -> Otlp) -> Self {
        Self::told(by, Convention::new(), set_up)
    }

    pub(crate) fn told(by: By, convention: Convention, set_up: impl FnOnce(Otlp) -> Otlp) -> Self {
        let receiver = Receiver::start();
        let pipeline = set_up(otlp(by, &receiver)).build().unwrap();
        let capture = Capture::new();
        attach(&pipeline, &capture, convention);
        Self { capture, receiver, pipeline }
    }

    /// Runs so many calls, one after the other.
    pub(crate) async fn calls(&self, count: usize) {
        calls(&self.capture, count).await;
    }

    pub(crate) async fn flush(&self) -> Report {
        self.pipeline.flush(LONG).await
    }
}

pub(crate) fn otlp(by: By, receiver: &Receiver) -> Otlp {
    let otlp = Otlp::new().endpoint(receiver.endpoint());
    match by {
        By::Http => otlp.http(),
        By::Grpc => otlp.grpc(),
    }
}

pub(crate) fn attach(pipeline: &Pipeline, capture: &Capture, convention: Convention) {
    let otel = Otel::new().tracer_provider(pipeline.tracer_provider());
    let otel = otel.meter_provider(pipeline.meter_provider()).convention(convention);
    otel.attach("otel", capture.telemetry()).unwrap();
}

pub(crate) async fn calls(capture: &Capture, count: usize) {
    for n in 0..count {
        let call = async { n }.in_span_infallible(Span::generate().engine("openai").model("gpt-5"));
        assert_eq!(capture.scope(call).await, n);
    }
}
