use std::sync::Arc;

use tracing::Level;

use super::bridge::Bridge;
use super::callsites::Callsites;
use crate::convention::Convention;
use crate::registry::{AttachError, Telemetry};

/// Creates a `tracing` span for each span. Configured, then attached to a [`Telemetry`].
///
/// It has no queue and no thread: the subscriber is called in the task that emits, as by `tracing`'s own macros.
///
/// # Examples
///
/// With the names of one profile, one user-defined key, and prompts whose digits are masked:
///
/// ```
/// use allm_telemetry::{bridge::tracing::Tracing, Content, Policy, Telemetry, convention::{Convention, Profile}};
///
/// let policy = Policy::new().user_keys(["tenant"]).content(Content::INPUT, |_key, value| {
///     Some(value.as_str()?.replace(|letter: char| letter.is_ascii_digit(), "#").into())
/// });
/// let telemetry = Telemetry::new();
/// Tracing::new()
///     .convention(Convention::new().profiles([Profile::Otel1_41]).policy(policy))
///     .target("myapp::llm")
///     .attach("tracing", &telemetry)?;
///
/// telemetry.detach("tracing").unwrap();
/// # Ok::<(), allm_telemetry::handler::AttachError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it opens no spans until it is attached"]
pub struct Tracing {
    convention: Convention,
    target: &'static str,
    level: Level,
}

impl Tracing {
    /// The default target of its spans and events: the name of this crate.
    pub const TARGET: &'static str = "allm_telemetry";

    /// Uses the default [`Convention`], at level `INFO`.
    pub fn new() -> Self {
        Self { convention: Convention::new(), target: Self::TARGET, level: Level::INFO }
    }

    /// Sets the names of attributes and what may be exported: [`Convention::new`] by default.
    pub fn convention(self, convention: Convention) -> Self {
        Self { convention, ..self }
    }

    /// Sets the target of its spans and events, for filters.
    pub fn target(self, target: &'static str) -> Self {
        Self { target, ..self }
    }

    /// Sets the level of its spans and events. An `ERROR` event makes `tracing-opentelemetry` mark the span as failed.
    pub fn level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Attaches to `telemetry` under `id`, until [`Telemetry::detach`]. Spans that are open then end as `unobserved`.
    ///
    /// `tracing` keeps callsites for the life of the process. Attaching again with the same settings reuses them.
    ///
    /// # Errors
    ///
    /// [`AttachError::AlreadyExists`] if the id is taken, [`AttachError::TooManyListeners`] if there are
    /// [`MAX_LISTENERS`](crate::handler::MAX_LISTENERS).
    pub fn attach(self, id: impl Into<Arc<str>>, telemetry: &Telemetry) -> Result<(), AttachError> {
        let callsites = Callsites::new(&self.convention, self.target, self.level);
        telemetry.listen(id, Bridge { convention: self.convention, callsites })
    }
}

impl Default for Tracing {
    fn default() -> Self {
        Self::new()
    }
}
