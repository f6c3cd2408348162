use super::interest::{EventSet, anywhere};
use super::telemetry::Telemetry;
use crate::event::{Event, EventName, Measurements, Metadata, ParseEventNameError, event_prefix};

impl Telemetry {
    /// Emits an event of your own. Its name is `allm.` and the suffix, which is a text or segments: `execute("cache.hit", …)`
    /// emits `allm.cache.hit`. [`attach`](Self::attach) takes that name in full.
    ///
    /// Handlers get the measurements and metadata as they are given; nothing is merged into them.
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
        let followed = EventSet::event(&name);
        if anywhere(followed) && self.follows(followed) {
            self.emit(&Event::from_fields(&name, &measurements.into(), &metadata.into(), true));
        }
        Ok(())
    }
}
