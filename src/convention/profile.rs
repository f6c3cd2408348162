use std::fmt;

use super::instrument::Instrument;
use super::instruments_1_41::INSTRUMENTS;
use super::name::Name;
use super::rule::Rule;
use super::{openinference, otel_1_41};
use crate::event::SpanName;

/// A published attribute convention in one version: the names of spans and their attributes in a tracing system.
///
/// By default a span has the attributes of both, because a backend reads one of them. OpenTelemetry's make a span portable,
/// OpenInference's give its kind where OpenTelemetry has none. If several versions of OpenTelemetry's are set, the last is
/// used.
///
/// # Examples
///
/// ```
/// use allm_telemetry::convention::{Convention, Profile};
///
/// let portable = Convention::new().profiles([Profile::Otel1_41]);
/// # let _ = portable;
/// assert_eq!(Profile::Otel1_41.to_string(), "otel-1.41");
/// ```
// A new profile: a variant here and a module with its `rules`; the compiler finds the rest. One that differs little from
// another takes `otel_1_41::rules(span)` and assigns `rule.key` where a name differs. Labels of metrics are not renamed by that:
// they are part of the `INSTRUMENTS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// The part for generative AI of [OpenTelemetry's semantic
    /// conventions](https://opentelemetry.io/docs/specs/semconv/gen-ai/), version 1.41.
    Otel1_41,
    /// [OpenInference](https://arize-ai.github.io/openinference/spec/semantic_conventions.html), which Phoenix shows.
    OpenInference,
}

impl Profile {
    /// Returns the convention and its version, if it has one: `otel-1.41`, `openinference`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Otel1_41 => "otel-1.41",
            Self::OpenInference => "openinference",
        }
    }

    /// Returns the attributes of a span in this profile, content included.
    #[must_use]
    pub fn rules(self, span: SpanName) -> Vec<Rule> {
        match self {
            Self::Otel1_41 => otel_1_41::rules(span),
            Self::OpenInference => openinference::rules(span),
        }
    }

    /// Whether it is a version of OpenTelemetry's conventions.
    pub(super) const fn is_opentelemetry(self) -> bool {
        match self {
            Self::Otel1_41 => true,
            Self::OpenInference => false,
        }
    }

    /// Returns the name for spans. OpenInference defines none, so they are OpenTelemetry's.
    pub(super) const fn name(self, span: SpanName) -> Name {
        match self {
            Self::Otel1_41 | Self::OpenInference => otel_1_41::name(span),
        }
    }

    /// Returns the instruments. OpenInference defines none either.
    pub(super) const fn instruments(self) -> &'static [Instrument] {
        match self {
            Self::Otel1_41 | Self::OpenInference => &INSTRUMENTS,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
