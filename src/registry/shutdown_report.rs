use std::fmt;
use std::sync::Arc;

use crate::event::SpanName;

/// The result of a [shutdown](crate::Telemetry::shutdown). Its `Display` is one line, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says what was lost and which spans are still open"]
pub struct ShutdownReport {
    /// The exporters with a queue, in the order in which they were attached.
    pub exporters: Vec<ExporterReport>,
    /// The spans that are still open, by name. Their request ids are in the log: they have a start, and no end.
    pub open_spans: Vec<OpenSpans>,
}

/// What an exporter has written since it was attached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExporterReport {
    /// The id under which it is attached.
    pub id: Arc<str>,
    /// Events that were written. Of an OTLP pipeline, spans that the collector accepted.
    pub written: u64,
    /// Events or spans that were lost: the queue was full, they could not be written, or the collector rejected them.
    pub lost: u64,
    /// Events or spans that were not written by the deadline, or of which it is not known. They may be written later.
    pub waiting: u64,
    /// Why the last of those that failed was not written.
    pub error: Option<String>,
}

/// The number of spans of one name that are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenSpans {
    /// The name of the spans.
    pub span: SpanName,
    /// How many of them are open.
    pub count: u64,
}

impl ShutdownReport {
    /// Returns whether every event was written and no span is open.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.open_spans.is_empty() && self.exporters.iter().all(|it| it.lost == 0 && it.waiting == 0)
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for exporter in &self.exporters {
            write!(f, "{separator}{exporter}")?;
            separator = "; ";
        }
        write!(f, "{separator}open spans: ")?;
        if self.open_spans.is_empty() {
            return f.write_str("none");
        }
        for (index, OpenSpans { span, count }) in self.open_spans.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{count} {span}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ExporterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} written, {} lost", self.id, self.written, self.lost)?;
        if self.waiting > 0 {
            write!(f, ", {} waiting", self.waiting)?;
        }
        match &self.error {
            Some(error) => write!(f, " ({error})"),
            None => Ok(()),
        }
    }
}
