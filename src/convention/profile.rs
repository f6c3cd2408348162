use std::fmt;

use super::instrument::Instrument;
use super::name::Name;
use super::rule::Rule;
use super::{instruments_1_41, openinference, otel_1_41, otel_genai};
use crate::event::SpanName;

/// An attribute convention in one version: the names of spans and their attributes in a tracing system.
///
/// By default a span has the attributes of [`Otel1_41`](Self::Otel1_41) and of [`OpenInference`](Self::OpenInference), because
/// a backend reads one of them. OpenTelemetry's make a span portable, OpenInference's give its kind where OpenTelemetry has
/// none. Of several versions of OpenTelemetry's, the last one that is set is used.
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
// To add a profile, add a variant. The compiler then reports the functions below, and all of them are in this file. Most
// profiles differ little from 1.41: they use its rules and instruments, and rename keys in `key`, for attributes and labels
// alike. What differs otherwise has a module, as `otel_genai`. Then add the profile to `PROFILES` in
// `tests/convention/profiles.rs`, and its section to `docs/conventions.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// The part for generative AI of [OpenTelemetry's semantic
    /// conventions](https://opentelemetry.io/docs/specs/semconv/gen-ai/), version 1.41.
    Otel1_41,
    /// The conventions that OpenTelemetry develops in [a repository of their
    /// own](https://github.com/open-telemetry/semantic-conventions-genai), as of November 2026.
    ///
    /// They have no release yet and change: names may change with any version of this crate. A rename silences alerts instead
    /// of raising them, so alert on the absence of data as well.
    OtelGenai,
    /// [OpenInference](https://arize-ai.github.io/openinference/spec/semantic_conventions.html), which Phoenix shows.
    OpenInference,
}

impl Profile {
    /// Returns the convention and its version, if it has one: `otel-1.41`, `openinference`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Otel1_41 => "otel-1.41",
            Self::OtelGenai => "otel-genai",
            Self::OpenInference => "openinference",
        }
    }

    /// Returns the attributes of a span in this profile, content included.
    #[must_use]
    pub fn rules(self, span: SpanName) -> Vec<Rule> {
        let mut rules = match self {
            Self::Otel1_41 => otel_1_41::rules(span),
            Self::OtelGenai => otel_genai::rules(span),
            Self::OpenInference => openinference::rules(span),
        };
        for rule in &mut rules {
            rule.key = self.key(rule.key);
        }
        rules
    }

    /// Returns the name of an attribute or of a label in this profile, given its name in version 1.41.
    pub(super) fn key(self, key: &'static str) -> &'static str {
        match (self, key) {
            (Self::OtelGenai, "gen_ai.usage.cache_creation.input_tokens") => {
                "gen_ai.usage.cache_write.input_tokens"
            }
            (Self::Otel1_41 | Self::OtelGenai | Self::OpenInference, key) => key,
        }
    }

    /// Returns the version of OpenTelemetry's conventions that the environment selects.
    ///
    /// <https://opentelemetry.io/docs/specs/semconv/gen-ai/>
    pub(super) fn of_environment() -> Self {
        let selected = std::env::var("OTEL_SEMCONV_STABILITY_OPT_IN").unwrap_or_default();
        let is_latest = selected.split(',').any(|value| value.trim() == "gen_ai_latest_experimental");
        if is_latest { Self::OtelGenai } else { Self::Otel1_41 }
    }

    /// Returns whether it is a version of OpenTelemetry's conventions, or derived from one. Of these, one is used at a time: it
    /// has the names of spans and the instruments.
    pub(super) const fn is_opentelemetry(self) -> bool {
        match self {
            Self::Otel1_41 | Self::OtelGenai => true,
            Self::OpenInference => false,
        }
    }

    /// Returns the name for spans. OpenInference defines none, so they are OpenTelemetry's.
    pub(super) const fn name(self, span: SpanName) -> Name {
        match self {
            Self::Otel1_41 | Self::OtelGenai | Self::OpenInference => otel_1_41::name(span),
        }
    }

    /// Returns the instruments. OpenInference defines none either.
    pub(super) fn instruments(self) -> Vec<Instrument> {
        match self {
            Self::Otel1_41 | Self::OpenInference => instruments_1_41::instruments(),
            Self::OtelGenai => otel_genai::instruments(),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
