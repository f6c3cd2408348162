use std::fmt;

use super::extras::apply_extras;
use super::judge::Fault;
use super::observer::observe;
use crate::context::Node;
use crate::event::{
    Content, Key, Measurements, Metadata, Number, Phase, Rare, Results, SpanName, Usage, Value,
};

/// What an observer records on its span.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{prelude::*, Usage};
///
/// # struct Chunk { text: String, tokens: Option<u64>, stop: Option<String> }
/// let span = Span::stream().on_chunk(|chunk: &Chunk, record| {
///     match chunk.tokens {
///         // The last frame has the usage and no text: it does not stop the clock of the first chunk.
///         Some(tokens) => {
///             record.usage(Usage::new().output(tokens));
///             record.content_free();
///         }
///         None => record.push_output(|| chunk.text.clone()),
///     }
///     if let Some(reason) = &chunk.stop {
///         record.finish_reason(reason.clone());
///     }
/// });
/// # drop(span);
/// ```
pub struct Record<'a> {
    results: &'a mut Rare<Results>,
    /// The first error that was seen.
    fault: &'a mut Option<Fault>,
    node: &'a Node,
    pub(super) content_free: bool,
}

impl<'a> Record<'a> {
    pub(crate) fn new(results: &'a mut Rare<Results>, fault: &'a mut Option<Fault>, node: &'a Node) -> Self {
        Self { results, fault, node, content_free: false }
    }

    /// Whether somebody may have this content at the span's end, whichever end that is. Asked when it is told, because
    /// somebody may have come since the start.
    fn is_wanted(&self, content: Content) -> bool {
        let ends = [Phase::Stop, Phase::Exception];
        let wants = |name: SpanName| {
            ends.iter().any(|end| self.node.telemetry.content(&name.event(*end)).intersects(content))
        };
        self.node.start().is_some_and(|start| wants(start.name))
    }

    /// What came back, which the caller's code makes only if somebody may have it. One that panics is reported, and the rest
    /// of the observer counts as if nobody were there; no other is called on this span, or a stream would tell of each chunk.
    fn made<T>(&mut self, id: &str, make: impl FnOnce() -> T) -> Option<T> {
        if self.results.content_panicked || !self.is_wanted(Content::OUTPUT) {
            return None;
        }
        let made = fenced(self.node, Phase::Stop, id, make);
        if made.is_none() {
            self.results.content_panicked = true;
        }
        made
    }

    /// Calls one observer of several, so that one that panics is reported and does not take the others with it. Says
    /// whether it did not.
    pub(super) fn call(&mut self, phase: Phase, id: &str, observer: impl FnOnce(&mut Self)) -> bool {
        let node = self.node;
        fenced(node, phase, id, || observer(self)).is_some()
    }

    /// Tokens used. Given twice, it merges field by field and the last value wins. One without any count tells nothing.
    pub fn usage(&mut self, usage: Usage) {
        if usage.is_known() {
            self.results.usage.get_or_insert_default().merge(&usage);
        }
    }

    /// The model that answered, which may be another than the one that was asked.
    pub fn response_model(&mut self, model: impl Into<Key>) {
        self.results.response_model = Some(model.into());
    }

    /// The provider's id of the response.
    pub fn response_id(&mut self, id: impl Into<Key>) {
        self.results.response_id = Some(id.into());
    }

    /// Why the model stopped. For a request with several choices, see [`finish_reason_of`](Self::finish_reason_of).
    pub fn finish_reason(&mut self, reason: impl Into<Key>) {
        self.finish_reason_of(0, reason);
    }

    /// Why the model stopped in one choice, by its index from 0. The last value wins. Indices from 128 on, more than
    /// any provider offers, are ignored: they come from outside.
    pub fn finish_reason_of(&mut self, choice: usize, reason: impl Into<Key>) {
        const MOST_CHOICES: usize = 128;
        if choice < MOST_CHOICES {
            let reasons = self.results.finish_reasons.get_or_insert_default();
            if reasons.len() <= choice {
                reasons.resize(choice + 1, Value::Null);
            }
            reasons[choice] = Value::Text(reason.into());
        }
    }

    /// The span's own result as a value: `response`, `documents`, `result`, …. It is content, and made
    /// only if somebody listens who may have it. A stream's stays null.
    pub fn result<V: Into<Value>>(&mut self, result: impl FnOnce() -> V) {
        if let Some(result) = self.made("result", || result().into()) {
            self.results.value = result;
        }
    }

    /// What came back, in a form for people. It is content, and made only if somebody listens who may have it.
    pub fn output<V: Into<Value>>(&mut self, output: impl FnOnce() -> V) {
        let output = self.made("output", || output().into());
        self.results.output = Some(output.unwrap_or_default());
    }

    /// A piece of what came back, appended to the text so far. Made only if somebody listens who may have it; a
    /// stream's memory stays constant otherwise.
    pub fn push_output<T: AsRef<str>>(&mut self, piece: impl FnOnce() -> T) {
        let Some(piece) = self.made("output", piece) else {
            self.results.output.get_or_insert_default();
            return;
        };
        match &mut self.results.output {
            Some(Value::Text(text)) => text.to_mut().push_str(piece.as_ref()),
            output => *output = Some(piece.as_ref().to_owned().into()),
        }
    }

    /// A number: one of the span's counts (`image_count`, `embedding_count`, …) or your own. What the crate measures
    /// itself stays as measured.
    pub fn measurement(&mut self, key: impl Into<Key>, value: impl Into<Number>) {
        self.results.measurements.insert(key, value);
    }

    /// A key of your own. What the crate sets itself stays as set.
    pub fn metadata(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        self.results.metadata.insert(key, value);
    }

    /// The call failed, although it looks like a success: an HTTP 500 that came as `Ok`, an error event inside a
    /// stream. The class is one of few values; the text is content. The first error is kept.
    pub fn error(&mut self, error_type: impl Into<Key>, text: impl fmt::Display) {
        if self.fault.is_none() {
            let wanted = self.is_wanted(Content::ERROR);
            let text = || fenced(self.node, Phase::Stop, "error", || text.to_string().into());
            let text = if wanted { text() } else { None };
            *self.fault = Some(Fault { error_type: error_type.into(), text });
        }
    }

    /// What the closure of a [`span`](crate::span) said.
    pub(crate) fn apply(&mut self, name: SpanName, measurements: Measurements, extras: Metadata) {
        let fault = apply_extras(name, measurements, extras, self.results);
        *self.fault = self.fault.take().or(fault);
    }

    /// This chunk has nothing for the reader (a role, usage): it counts, but is not the first chunk.
    pub fn content_free(&mut self) {
        self.content_free = true;
    }
}

/// Calls code of the user's; what it does is the span's that is observed here.
fn fenced<T>(node: &Node, phase: Phase, id: &str, call: impl FnOnce() -> T) -> Option<T> {
    let start = node.start()?;
    observe(&node.telemetry, &start.name.event(phase), id, call)
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("usage", &self.results.usage).finish_non_exhaustive()
    }
}
