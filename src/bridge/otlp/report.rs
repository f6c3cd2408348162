use std::fmt;

/// What became of the spans or exports that were to be sent. Each is counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Accepted by the collector.
    pub exported: u64,
    /// Dropped immediately, because the queue was full.
    pub queue_full: u64,
    /// Refused by the collector, or the collector could not be reached.
    pub failed: u64,
    /// Sent without an answer that could be read, or still waiting to be sent.
    pub unknown: u64,
}

impl Counts {
    /// Returns whether the collector accepted all of them.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.queue_full == 0 && self.failed == 0 && self.unknown == 0
    }
}

/// What became of everything that a [`Pipeline`](super::Pipeline) was to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says whether spans or metrics were lost"]
pub struct Report {
    /// Spans that were sampled.
    pub spans: Counts,
    /// Exports of all metrics. One that fails loses little: with cumulative temporality, the default, the next one
    /// contains its values.
    pub metrics: Counts,
    /// Why the last failed export failed, if one has.
    pub last_failure: Option<String>,
}

impl Report {
    /// Returns whether the collector accepted everything.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.spans.is_complete() && self.metrics.is_complete()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exported, queue_full, failed, unknown } = self;
        write!(f, "{exported} exported, {queue_full} queue full, {failed} failed, {unknown} unknown")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spans: {}; metrics: {}", self.spans, self.metrics)?;
        match &self.last_failure {
            Some(why) => write!(f, "; last failure: {why}"),
            None => Ok(()),
        }
    }
}
