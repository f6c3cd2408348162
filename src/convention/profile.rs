use std::fmt;

use super::openinference::OPENINFERENCE;
use super::otel_1_41::OTEL_1_41;
use super::rule::{Rule, Table};
use crate::event::SpanName;

/// One version of one convention: what spans and their attributes are called in a system outside.
///
/// A profile is a table. Both are sent by default, because no backend reads both: OpenTelemetry's names make a span
/// portable, OpenInference's say its kind where OpenTelemetry has none.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// The GenAI part of [OpenTelemetry's semantic conventions](https://opentelemetry.io/docs/specs/semconv/gen-ai/),
    /// version 1.41.
    Otel1_41,
    /// [OpenInference](https://arize-ai.github.io/openinference/spec/semantic_conventions.html), which Phoenix shows.
    OpenInference,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 2] = [Self::Otel1_41, Self::OpenInference];

    /// The convention and its version, if it has one: `otel-1.41`, `openinference`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.table().version
    }

    /// The attributes of a span in this profile, those known at its start first.
    pub fn rules(self, span: SpanName) -> impl Iterator<Item = &'static Rule> {
        self.table().row(span).rules()
    }

    pub(super) const fn table(self) -> &'static Table {
        match self {
            Self::Otel1_41 => &OTEL_1_41,
            Self::OpenInference => &OPENINFERENCE,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
