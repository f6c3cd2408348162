use super::interest::{EventSet, is_observed_anywhere};
use super::telemetry::Telemetry;
use crate::event::{Event, EventName, Measurements, Metadata, ParseEventNameError, event_prefix};

impl Telemetry {
    /// Emits a user-defined event. Its name is `allm.` followed by the suffix, which is text or segments:
    /// `execute("cache.hit", …)` emits `allm.cache.hit`. Pass the full name to [`attach`](Self::attach).
    ///
    /// Handlers receive the measurements and metadata unchanged; no other keys are added.
    ///
    /// # Errors
    ///
    /// [`ParseEventNameError`] if the suffix is empty or has an empty segment.
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
    pub fn execute<N: TryInto<EventName, Error: Into<ParseEventNameError>>>(
        &self,
        suffix: N,
        measurements: impl Into<Measurements>,
        metadata: impl Into<Metadata>,
    ) -> Result<(), ParseEventNameError> {
        let suffix = suffix.try_into().map_err(Into::into)?;
        let name = EventName::try_from(format!("{}.{suffix}", event_prefix()))?;
        // The arguments are converted only if a handler is attached.
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
