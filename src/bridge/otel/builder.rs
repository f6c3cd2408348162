use std::fmt;
use std::sync::Arc;

use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Tracer, TracerProvider};

use super::bridge::Bridge;
use super::instruments::{Instruments, Made, OfGlobal};
use super::tracer::{Given, Global, Tracing, scope};
use crate::convention::Convention;
use crate::registry::{AttachError, Telemetry};

/// Creates an OpenTelemetry span for each span, and records the metrics of the conventions for generative AI. Configured, then
/// attached to a [`Telemetry`].
///
/// # Examples
///
/// With the global providers, and the user-defined key `tenant` on every span that has it:
///
/// ```
/// use allm_telemetry::{bridge::otel::Otel, Policy, Telemetry, convention::Convention};
///
/// let convention = Convention::new().policy(Policy::new().user_keys(["tenant"]));
/// Otel::new().convention(convention).attach("otel", &Telemetry::global())?;
/// # allm_telemetry::detach("otel").unwrap();
/// # Ok::<(), allm_telemetry::handler::AttachError>(())
/// ```
#[must_use = "nothing is sent until it is attached"]
pub struct Otel {
    convention: Convention,
    tracer: Option<Box<dyn Tracing>>,
    meters: Meters,
}

enum Meters {
    None,
    Global,
    Given(Box<dyn MeterProvider + Send + Sync>),
}

impl Otel {
    /// Uses the global providers, which may be installed before or after.
    pub fn new() -> Self {
        Self {
            convention: Convention::new(),
            tracer: Some(Box::new(Global(scope()))),
            meters: Meters::Global,
        }
    }

    /// Sets the provider that creates the spans.
    pub fn tracer_provider<P>(self, provider: P) -> Self
    where
        P: TracerProvider,
        P::Tracer: Send + Sync + 'static,
        <P::Tracer as Tracer>::Span: Send + Sync + 'static,
    {
        Self { tracer: Some(Box::new(Given(provider.tracer_with_scope(scope())))), ..self }
    }

    /// Sets the provider that records the metrics.
    pub fn meter_provider(self, provider: impl MeterProvider + Send + Sync + 'static) -> Self {
        Self { meters: Meters::Given(Box::new(provider)), ..self }
    }

    /// Creates no spans, for programs that already export them, such as with the `tracing` bridge.
    pub fn without_spans(self) -> Self {
        Self { tracer: None, ..self }
    }

    /// Records no metrics. They cost about as much as the spans.
    pub fn without_metrics(self) -> Self {
        Self { meters: Meters::None, ..self }
    }

    /// Sets the names of spans, attributes and metrics, and what may be exported: by default no content and no user-defined keys.
    pub fn convention(self, convention: Convention) -> Self {
        Self { convention, ..self }
    }

    /// Attaches to `telemetry` under `id`, until [`Telemetry::detach`]. It does not flush the pipeline.
    ///
    /// # Errors
    ///
    /// [`AttachError::AlreadyExists`] if the id is taken, [`AttachError::TooManyListeners`] if there are too many.
    pub fn attach(self, id: impl Into<Arc<str>>, telemetry: &Telemetry) -> Result<(), AttachError> {
        let instruments = match self.meters {
            Meters::None => None,
            Meters::Global => Some(Instruments::Global(OfGlobal::default())),
            Meters::Given(provider) => {
                let meter = provider.meter_with_scope(scope());
                Some(Instruments::Given(Made::by(&meter, &self.convention)))
            }
        };
        telemetry.listen(id, Bridge { convention: self.convention, tracer: self.tracer, instruments })
    }
}

impl Default for Otel {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Otel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spans, metrics) = (self.tracer.is_some(), !matches!(self.meters, Meters::None));
        f.debug_struct("Otel")
            .field("spans", &spans)
            .field("metrics", &metrics)
            .field("convention", &self.convention)
            .finish()
    }
}
