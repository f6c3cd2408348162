use std::borrow::Cow;
use std::fmt;

use super::error_class::OTHER;
use super::extras::apply_extras;
use super::recorded::Recorded;
use super::recording::Recording;
use crate::context::Node;
use crate::event::{Content, Failure, Key, Measurements, Metadata, Number, Phase, SpanName, Usage, Value};

/// What an observer records on its span.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{prelude::*, Usage};
///
/// # struct Chunk { text: String, tokens: Option<u64>, stop: Option<String> }
/// let span = Span::stream().observe(|chunk: &Chunk, record| {
///     match chunk.tokens {
///         // The last frame has the usage and no text: it does not stop the clock of the first chunk.
///         Some(tokens) => {
///             record.usage(Usage::new().output(tokens));
///             record.content_free();
///         }
///         None => record.push_output(|| chunk.text.clone()),
///     }
///     if let Some(reason) = &chunk.stop {
///         record.finish_reason(reason);
///     }
/// });
/// let span = span.on_end(|record| {
///     if record.recorded().finish_reasons().is_empty() {
///         record.error("stream_truncated", "the stream ended without a finish reason");
///     }
/// });
/// # drop(span);
/// ```
pub struct Record<'a> {
    recording: &'a mut Recording,
    node: &'a Node,
    /// `FirstChunk` while an item of a stream is observed, otherwise `Stop`.
    phase: Phase,
    pub(super) content_free: bool,
    /// How many observers were called for this value.
    observers: u32,
}

impl<'a> Record<'a> {
    pub(super) fn new(recording: &'a mut Recording, node: &'a Node, phase: Phase) -> Self {
        Self { recording, node, phase, content_free: false, observers: 0 }
    }

    /// What was recorded so far.
    #[must_use]
    pub fn recorded(&self) -> Recorded<'_> {
        Recorded::new(self.recording)
    }

    /// Tokens used. Called again, it merges field by field and the last value wins. A usage without any count is ignored.
    pub fn usage(&mut self, usage: Usage) {
        if usage.is_known() {
            self.recording.results.usage.get_or_insert_default().merge(&usage);
        }
    }

    /// The model that answered, which may differ from the one that was asked. An empty text is ignored.
    pub fn response_model<'t>(&mut self, model: impl Into<Cow<'t, str>>) {
        if let Some(model) = changed(self.recording.results.response_model.as_deref(), model.into()) {
            self.recording.results.response_model = Some(model);
        }
    }

    /// The provider's id of the response. An empty text is ignored.
    pub fn response_id<'t>(&mut self, id: impl Into<Cow<'t, str>>) {
        if let Some(id) = changed(self.recording.results.response_id.as_deref(), id.into()) {
            self.recording.results.response_id = Some(id);
        }
    }

    /// Why the model stopped. For a request with several choices, see [`finish_reason_of`](Self::finish_reason_of).
    pub fn finish_reason<'t>(&mut self, reason: impl Into<Cow<'t, str>>) {
        self.finish_reason_of(0, reason);
    }

    /// Why the model stopped in one choice, by its index from 0. The last value wins; an empty text is ignored. Indices
    /// from 128 on, more than any provider offers, are ignored, because they come from outside the process.
    pub fn finish_reason_of<'t>(&mut self, choice: usize, reason: impl Into<Cow<'t, str>>) {
        const MAX_CHOICES: usize = 128;
        let known = self.recorded().finish_reason_of(choice);
        let Some(reason) = changed(known, reason.into()) else { return };
        if choice < MAX_CHOICES {
            let reasons = self.recording.results.finish_reasons.get_or_insert_default();
            if reasons.len() <= choice {
                reasons.resize(choice + 1, Value::Null);
            }
            reasons[choice] = Value::Text(reason);
        }
    }

    /// The span's own result as a value: `response`, `documents`, `result`, …. It is content: the closure
    /// runs only if a handler may see it. A stream's result stays null.
    pub fn result<V: Into<Value>>(&mut self, result: impl FnOnce() -> V) {
        if let Some(result) = self.content("result", || result().into()) {
            self.recording.results.value = result;
        }
    }

    /// What came back, in a form for people. It is content: the closure runs only if a handler may see it.
    pub fn output<V: Into<Value>>(&mut self, output: impl FnOnce() -> V) {
        let output = self.content("output", || output().into());
        self.recording.results.output = Some(output.unwrap_or_default());
    }

    /// A piece of what came back, appended to the text so far. The closure runs only if a handler may see the text, so
    /// that a stream needs constant memory otherwise.
    pub fn push_output<T: AsRef<str>>(&mut self, piece: impl FnOnce() -> T) {
        let Some(piece) = self.content("output", piece) else {
            self.recording.results.output.get_or_insert_default();
            return;
        };
        self.append_output(piece.as_ref());
    }

    /// The output of a future, or a piece of a stream's.
    pub(super) fn add_output(&mut self, make: impl FnOnce() -> Value) {
        if self.phase != Phase::FirstChunk {
            self.output(make);
        } else if let Some(piece) = self.content("output", make).and_then(Value::into_text) {
            self.append_output(&piece);
        }
    }

    fn append_output(&mut self, piece: &str) {
        match &mut self.recording.results.output {
            Some(Value::Text(text)) => text.to_mut().push_str(piece),
            output => *output = Some(piece.to_owned().into()),
        }
    }

    /// A number: one of the span's counts (`image_count`, `embedding_count`, …) or your own. What the crate measures
    /// itself cannot be replaced.
    pub fn measurement(&mut self, key: impl Into<Key>, value: impl Into<Number>) {
        self.recording.results.measurements.insert(key, value);
    }

    /// A key of your own. What the crate sets itself cannot be replaced.
    pub fn metadata(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        self.recording.results.metadata.insert(key, value);
    }

    /// The call failed, although it looks like a success: an HTTP 500 that came as `Ok`, an error event inside a
    /// stream. The class is one of few values; the text is content. The first error is kept.
    pub fn error<'t>(&mut self, error_type: impl Into<Cow<'t, str>>, text: impl fmt::Display) {
        if self.recording.failure.is_none() {
            let text = self.may_see(Content::ERROR).then(|| self.call("error", |_| text.to_string().into()));
            let error_type = Key::Owned(error_type.into().into_owned());
            self.recording.failure = Some(Failure { error_type, text: text.flatten(), stacktrace: None });
        }
    }

    /// This chunk has no content for the reader (a role, usage): it counts, but is not the first chunk.
    pub fn content_free(&mut self) {
        self.content_free = true;
    }

    /// An `Err` of the code inside the span. The closure gets whether the text is wanted; it returns `None` if the `Err`
    /// is no error. The first error is kept. A closure or a `Display` that panics leaves the class `_OTHER`.
    pub(crate) fn failed(&mut self, classify: impl FnOnce(bool) -> Option<Failure>) {
        if self.recording.failure.is_none() {
            let with_text = self.may_see(Content::ERROR);
            let unknown = || Some(Failure { error_type: OTHER.into(), text: None, stacktrace: None });
            self.recording.failure = self.call("error", |_| classify(with_text)).unwrap_or_else(unknown);
        }
    }

    /// What the closure of a [`span`](crate::span) returned beside its result.
    pub(crate) fn apply(&mut self, name: SpanName, measurements: Measurements, extras: Metadata) {
        let failure = apply_extras(name, measurements, extras, &mut self.recording.results);
        self.recording.failure = self.recording.failure.take().or(failure);
    }

    /// Calls a closure of the user's. One that panics is reported under this id and returns `None`.
    pub(super) fn call<R>(&mut self, id: &str, closure: impl FnOnce(&mut Self) -> R) -> Option<R> {
        let node = self.node;
        let event = node.start()?.name.event(self.phase);
        node.telemetry.observe(&event, id, || closure(self))
    }

    /// Calls the next observer of a value, unless it has panicked before on this span. Observers are told apart by their
    /// order; from the 32nd on they share one fate.
    pub(super) fn observe(&mut self, id: &str, observer: impl FnOnce(&mut Self)) {
        let own_bit = 1 << self.observers.min(31);
        self.observers += 1;
        if self.recording.panicked & own_bit == 0 && self.call(id, observer).is_none() {
            self.recording.panicked |= own_bit;
        }
    }

    /// Makes content, if a handler may see it. After a closure that panicked no other is called on this span, because a
    /// stream would report a failure for each chunk.
    fn content<T>(&mut self, id: &str, make: impl FnOnce() -> T) -> Option<T> {
        if self.recording.results.content_panicked || !self.may_see(Content::OUTPUT) {
            return None;
        }
        let made = self.call(id, |_| make());
        if made.is_none() {
            self.recording.results.content_panicked = true;
        }
        made
    }

    /// Whether a handler may see this content at the span's end, whichever end that is. Asked each time, because handlers
    /// may be attached while the span runs.
    fn may_see(&self, content: Content) -> bool {
        let Some(start) = self.node.start() else { return false };
        let allowed = |end: Phase| self.node.telemetry.content(&start.name.event(end));
        [Phase::Stop, Phase::Exception].into_iter().any(|end| allowed(end).intersects(content))
    }
}

/// A copy of the text, unless it is empty or says what is known already.
fn changed(known: Option<&str>, text: Cow<'_, str>) -> Option<Key> {
    (!text.is_empty() && known != Some(&*text)).then(|| Key::Owned(text.into_owned()))
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("usage", &self.recording.results.usage).finish_non_exhaustive()
    }
}
