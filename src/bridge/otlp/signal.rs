use http::uri::PathAndQuery;

/// What is exported: spans or metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
}

impl Signal {
    /// The path by HTTP.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
        }
    }

    /// The method by gRPC.
    pub(super) const fn method(self) -> PathAndQuery {
        PathAndQuery::from_static(match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        })
    }

    /// The name of its exporter in `telemetry.handler.failure`.
    pub(super) const fn exporter(self) -> &'static str {
        match self {
            Self::Traces => "otlp.traces",
            Self::Metrics => "otlp.metrics",
        }
    }

    /// Returns the variables of a setting: the signal's own, which wins, and the one for all signals.
    pub(super) fn variables(self, setting: &str) -> [String; 2] {
        let signal = match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
        };
        [format!("OTEL_EXPORTER_OTLP_{signal}_{setting}"), format!("OTEL_EXPORTER_OTLP_{setting}")]
    }
}
