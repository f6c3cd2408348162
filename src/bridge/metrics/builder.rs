use std::fmt;
use std::sync::Arc;

use metrics::Recorder;

use super::bridge::Bridge;
use super::meters::{Meters, Own};
use crate::convention::Convention;
use crate::registry::{AttachError, Telemetry};

/// Records what spans measure on the `metrics` facade. Configured, then attached to a [`Telemetry`].
///
/// It has no queue and no thread: the recorder is called in the task that emits, as by `metrics`' own macros.
///
/// # Examples
///
/// At most 20 models, tools and so on, and one key of your own as a label:
///
/// ```
/// use allm_telemetry::{bridge::metrics::Metrics, Telemetry, convention::Convention};
///
/// let convention = Convention::new().max_values(20).labels(["tenant"]);
/// let telemetry = Telemetry::new();
/// Metrics::new().convention(convention.clone()).attach("metrics", &telemetry)?;
///
/// assert_eq!(convention.overflow_count(), 0, "values that became `_OTHER`");
/// telemetry.detach("metrics").unwrap();
/// # Ok::<(), allm_telemetry::handler::AttachError>(())
/// ```
#[derive(Clone)]
#[must_use = "it records nothing until it is attached"]
pub struct Metrics {
    convention: Convention,
    recorder: Option<Arc<Own>>,
}

impl Metrics {
    /// Records on the recorder that is current when something is measured: the scope's, otherwise the process's, installed
    /// before or after.
    pub fn new() -> Self {
        Self { convention: Convention::new(), recorder: None }
    }

    /// Sets names, labels and how many values a label has: [`Convention::new`] if not set.
    pub fn convention(self, convention: Convention) -> Self {
        Self { convention, ..self }
    }

    /// Records on this recorder, whichever is installed.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::{bridge::metrics::Metrics, prelude::*, Telemetry};
    /// use metrics_util::debugging::DebuggingRecorder;
    ///
    /// let recorder = DebuggingRecorder::new();
    /// let seen = recorder.snapshotter();
    /// let telemetry = Telemetry::new();
    /// Metrics::new().recorder(recorder).attach("metrics", &telemetry)?;
    ///
    /// telemetry.run(|| Span::chat().start().complete());
    /// assert_eq!(seen.snapshot().into_vec().len(), 1);
    /// # Ok::<(), allm_telemetry::handler::AttachError>(())
    /// ```
    pub fn recorder(self, recorder: impl Recorder + Send + Sync + 'static) -> Self {
        Self { recorder: Some(Arc::new(recorder)), ..self }
    }

    /// Attaches to `telemetry` under `id`, until [`Telemetry::detach`].
    ///
    /// # Errors
    ///
    /// [`AttachError::AlreadyExists`] if the id is taken, [`AttachError::TooManyListeners`] if there are
    /// [`MAX_LISTENERS`](crate::handler::MAX_LISTENERS).
    pub fn attach(self, id: impl Into<Arc<str>>, telemetry: &Telemetry) -> Result<(), AttachError> {
        let meters = Meters::new(&self.convention, self.recorder);
        telemetry.listen(id, Bridge { convention: self.convention, meters })
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("convention", &self.convention)
            .field("own_recorder", &self.recorder.is_some())
            .finish()
    }
}
