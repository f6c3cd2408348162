use std::borrow::Cow;
use std::error::Error;
use std::iter;

use super::catalogue::{OPTIONAL_END_MEASUREMENTS, STREAM_MEASUREMENTS};
use super::clock::Time;
use super::entry::{Entry, Visit};
use super::fields::Key;
use super::outcome::{Outcome, UsageStatus};
use super::results::LazyResults;
use super::span_name::SpanName;
use super::start::SpanStart;
use super::value::{Value, ValueRef};

/// The data that the end of a span adds to its [`SpanStart`].
#[derive(Clone, Debug)]
pub(crate) struct SpanEnd {
    pub(crate) outcome: Outcome,
    /// Nanoseconds.
    pub(crate) duration: u64,
    pub(crate) monotonic_time: Time,
    /// The error or panic. Boxed, because ends are moved and most have none.
    pub(crate) failure: Option<Box<Failure>>,
    pub(crate) attempts: u32,
    /// Set if the span wrapped a stream, or was to wrap one when the opening failed.
    pub(crate) stream: Option<StreamTimes>,
    pub(crate) results: LazyResults,
    /// Whether the usage is that of the whole answer, if one was recorded.
    pub(crate) usage_is_final: bool,
    /// Whether this span reports the tokens of its call. False if neither input nor output is known.
    pub(crate) counts_usage: bool,
    /// Whether its stream was dropped, and no nested span reports that.
    pub(crate) counts_drop: bool,
    /// Whether the tokens of its call are not known, and no nested span reports them or that.
    pub(crate) counts_unknown_usage: bool,
    /// Whether this span reports the cost of its call. False if none was recorded.
    pub(crate) counts_cost: bool,
}

/// Why a call failed: the class of the error and its text.
///
/// Returned by the closure of [`Span::error_with`](crate::Span::error_with).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One of few values. For a panic, `panic`.
    pub(crate) error_type: Key,
    /// Content: the text of an error, or the message of a panic. `None` if no handler may receive it.
    pub(crate) text: Option<Key>,
    /// Where a panic happened. `None` for an error.
    pub(crate) stacktrace: Option<Key>,
}

impl Failure {
    /// Creates a failure. `error_type` is one of few values, such as `rate_limited`. `text` is content: exporters omit it unless a
    /// policy allows it.
    pub fn new<'c, 't>(error_type: impl Into<Cow<'c, str>>, text: impl Into<Cow<'t, str>>) -> Self {
        let (error_type, text) = (error_type.into().into_owned(), text.into().into_owned());
        Self { error_type: error_type.into(), text: Some(text.into()), stacktrace: None }
    }

    /// Creates a failure whose text is that of the error and of its [sources](Error::source), separated by `: `. A source
    /// whose text is contained in the text before it is omitted: some errors mention their causes themselves.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::{observe::Failure, prelude::*};
    ///
    /// # type ClientError = std::io::Error;
    /// let span = Span::generate().error_with(|error: &ClientError| Failure::with_sources("connection", error));
    /// # drop(span);
    /// ```
    pub fn with_sources<'c>(error_type: impl Into<Cow<'c, str>>, error: &(dyn Error + 'static)) -> Self {
        // An error may be its own source. Without a limit, the text would not end.
        const MAX_SOURCES: usize = 32;
        let mut text = format!("{error:#}");
        for source in iter::successors(error.source(), |&error| error.source()).take(MAX_SOURCES) {
            let source = format!("{source:#}");
            if !text.contains(&source) {
                text.extend([": ", &source]);
            }
        }
        Self::new(error_type, text)
    }
}

/// How a stream's time was spent, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StreamTimes {
    pub(crate) chunk_count: u64,
    pub(crate) time_to_first_chunk: Option<u64>,
    pub(crate) producer_wait: u64,
    pub(crate) longest_wait: u64,
    pub(crate) consumer_time: u64,
}

impl StreamTimes {
    /// The values of [`STREAM_MEASUREMENTS`], in that order.
    fn values(&self) -> [Option<u64>; STREAM_MEASUREMENTS.len()] {
        // Without `..`, so that the compiler finds a field that has no measurement.
        let Self { chunk_count, time_to_first_chunk, producer_wait, longest_wait, consumer_time } = *self;
        [Some(chunk_count), time_to_first_chunk, Some(producer_wait), Some(longest_wait), Some(consumer_time)]
    }
}

impl SpanEnd {
    pub(crate) fn visit_measurements<'a>(&'a self, start: &SpanStart, visit: Visit<'_, 'a>) {
        let row = start.name.row();
        visit(Entry::number("duration", self.duration));
        visit(Entry::number("monotonic_time", self.monotonic_time.0));
        if let Some(times) = &self.stream {
            for (key, value) in STREAM_MEASUREMENTS.iter().zip(times.values()) {
                let value = ValueRef::optional(value, |value| ValueRef::Number(value.into()));
                visit(Entry::standard(key, value));
            }
        }
        let is_count = |key: &str| row.measurements.contains(&key) && !STREAM_MEASUREMENTS.contains(&key);
        for key in row.measurements.iter().filter(|key| is_count(key)) {
            let count = self.results.measurements.get(key).copied().unwrap_or(0.into());
            visit(Entry::standard(key, ValueRef::Number(count)));
        }
        for (key, value) in self.results.measurements.iter() {
            if !is_count(key) {
                let from_user = !OPTIONAL_END_MEASUREMENTS.contains(&key);
                visit(Entry { key, value: ValueRef::Number(*value), from_user });
            }
        }
    }

    pub(crate) fn visit_metadata<'a>(&'a self, start: &'a SpanStart, visit: Visit<'_, 'a>) {
        start.visit_standard(visit);
        // A recorded value replaces a user-defined start key of the same name; other recorded keys follow. Standard keys take
        // precedence over both.
        for (key, value) in start.baggage().chain(&start.optional.user) {
            let value = self.results.metadata.get(key).unwrap_or(value);
            visit(Entry::user(key, value.as_value_ref()));
        }
        for (key, value) in self.results.metadata.iter() {
            let is_known =
                start.user_value(key).is_some() || start.keys.get(key).is_some() || start.is_standard(key);
            if !is_known {
                visit(Entry::user(key, value.as_value_ref()));
            }
        }
        self.visit_outcome(visit);
        let row = start.name.row();
        for key in row.result_keys {
            visit(Entry::standard(key, self.result(key)));
        }
        // The client of an agent may report only a total for the turn.
        let is_agent = matches!(start.name, SpanName::Step | SpanName::Chat);
        if is_agent && self.results.usage.is_some() {
            visit(Entry::standard("usage", self.result("usage")));
        }
        // The row of every call has it.
        if self.stream.is_some() && !row.is_call {
            visit(Entry::standard("usage_status", self.result("usage_status")));
        }
        for (key, value) in self.results.optional.iter() {
            visit(Entry::standard(key, value.as_value_ref()));
        }
        if start.has_output || self.results.output.is_some() {
            let output = self.results.output.as_ref();
            visit(Entry::standard("output", ValueRef::optional(output, Value::as_value_ref)));
        }
    }

    fn visit_outcome<'a>(&'a self, visit: Visit<'_, 'a>) {
        visit(Entry::standard("outcome", ValueRef::Text(self.outcome.as_str())));
        let failure = self.failure.as_deref();
        let text = ValueRef::text(failure.and_then(|failure| failure.text.as_ref()));
        let error_type = ValueRef::optional(self.error_type(), ValueRef::Text);
        if !self.outcome.is_exception() {
            visit(Entry::standard("error", text));
            visit(Entry::standard("error_type", error_type));
            return;
        }
        visit(Entry::standard("error_type", error_type));
        // An exception has the same value under both keys.
        visit(Entry::standard("kind", error_type));
        visit(Entry::standard("reason", text));
        visit(Entry::standard(
            "stacktrace",
            ValueRef::text(failure.and_then(|failure| failure.stacktrace.as_ref())),
        ));
    }

    /// Returns the class of the error, one of few values.
    pub(crate) fn error_type(&self) -> Option<&str> {
        // A cancellation has no `Failure`: the future was dropped without a result.
        let cancelled = (self.outcome == Outcome::Cancelled).then_some("cancelled");
        cancelled.or(self.failure.as_deref().map(|failure| &*failure.error_type))
    }

    fn result(&self, key: &str) -> ValueRef<'_> {
        let results = &self.results;
        match key {
            "usage" => ValueRef::optional(results.usage.as_ref(), ValueRef::Usage),
            "usage_status" => ValueRef::Text(self.usage_status().as_str()),
            "response_model" => ValueRef::text(results.response_model.as_ref()),
            "response_id" => ValueRef::text(results.response_id.as_ref()),
            "finish_reasons" => ValueRef::optional(results.finish_reasons.as_deref(), ValueRef::List),
            "attempts" => ValueRef::Number(self.attempts.into()),
            // The chunks of a stream went to its consumer and were not collected, so there is no result.
            _ if self.stream.is_some() => ValueRef::Null,
            _ => results.value.as_value_ref(),
        }
    }

    pub(crate) fn usage_status(&self) -> UsageStatus {
        match self.results.usage.as_ref().filter(|usage| usage.has_counts()) {
            None => UsageStatus::Unknown,
            Some(usage) if usage.is_estimated() => UsageStatus::Estimated,
            Some(_) if self.usage_is_final => UsageStatus::Reported,
            Some(_) => UsageStatus::Partial,
        }
    }
}
