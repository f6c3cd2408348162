use super::event_names::{EventNameError, executed};
use super::interest::{EventSet, is_observed_anywhere};
use super::telemetry::Telemetry;
use crate::event::{Event, EventName, Measurements, Metadata};

impl Telemetry {
    /// Emits a user-defined event. A name that begins with `allm` is used as it is; `allm.` is put before any other:
    /// `execute("cache.hit", …)` emits `allm.cache.hit`, and that is the name to [`attach`](Self::attach) to.
    ///
    /// Handlers receive the measurements and metadata unchanged; no other keys are added. If no handler is attached, they are
    /// not even converted. The name is checked in any case.
    ///
    /// # Errors
    ///
    /// [`EventNameError`](crate::handler::EventNameError) if the name has an empty segment or a `*`, or if it is reserved: the
    /// events of spans (`generate.stop`), `span.stalled` and `telemetry.handler.failure` are emitted by this crate alone. Nothing
    /// else exists below a span (`generate.finish`) or `telemetry`, and an event of a span that is misspelt (`genrate.stop`) is
    /// an error as well. `adapter.retry` is not reserved; see also [`adapter_retry`](crate::adapter_retry).
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::Telemetry;
    ///
    /// let telemetry = Telemetry::new();
    /// telemetry.attach("cache", "allm.cache.hit", |event: &allm_telemetry::Event<'_>| {
    ///     assert_eq!(event.measurement("age_ms").and_then(|age| age.as_u64()), Some(12));
    /// })?;
    /// telemetry.execute(["cache", "hit"], [("age_ms", 12)], [("key", "greeting")])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn execute<N: TryInto<EventName, Error: Into<EventNameError>>>(
        &self,
        name: N,
        measurements: impl Into<Measurements>,
        metadata: impl Into<Metadata>,
    ) -> Result<(), EventNameError> {
        let name = executed(name.try_into().map_err(Into::into)?)?;
        let followed = EventSet::event(&name);
        if is_observed_anywhere(followed) && self.follows(followed) {
            let (measurements, metadata) = (measurements.into(), metadata.into());
            // An event that says when it happened is believed. Any other happens now.
            let given = measurements.get("system_time").and_then(|time| time.as_u64());
            let system_time = given.unwrap_or_else(|| self.system_time(self.now()));
            self.emit(&Event::from_fields(&name, &measurements, &metadata, system_time, true));
        }
        Ok(())
    }
}
