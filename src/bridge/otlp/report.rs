use std::fmt;

/// What became of the spans or data points that were to be sent. Each is counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Accepted by the collector.
    pub exported: u64,
    /// Dropped immediately, because the queue was full: of too many spans, or of too many bytes.
    pub queue_full: u64,
    /// Refused by the collector, which may have accepted others of the same request, or the collector could not be reached.
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
    /// Data points of metrics, at each export. One that fails loses little: with cumulative temporality, the default, the next
    /// one contains its value.
    pub metrics: Counts,
    /// Why the last failed export failed, if one has. It may contain a text of the collector.
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
