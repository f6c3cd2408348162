use std::borrow::Cow;
use std::fmt;

use super::error_class::OTHER;
use super::extras::apply_extras;
use super::recorded::Recorded;
use super::recording::{ChunkMarks, Recording};
use crate::context::Node;
use crate::event::{
    ChunkKind, Content, Failure, Key, Measurements, Metadata, Number, OptionalText, Phase, SpanName, Usage,
    Value,
};

/// Records values on a span. Passed to the closures of [`Span::observe`](crate::Span::observe) and
/// [`Span::on_end`](crate::Span::on_end).
///
/// # Examples
///
/// ```
/// use allm_telemetry::{prelude::*, Usage};
///
/// # struct Chunk { text: String, tokens: Option<u64>, stop: Option<String> }
/// let span = Span::stream().observe(|chunk: &Chunk, record| {
///     match chunk.tokens {
///         // A chunk with only usage has no text, so it is not the first chunk.
///         Some(tokens) => {
///             record.usage(Usage::new().output(tokens));
///             record.content_free();
///         }
///         None => record.push_output(|| chunk.text.clone()),
///     }
///     if let Some(reason) = &chunk.stop {
///         record.finish_reason(reason);
///         record.finished();
///     }
/// });
/// # drop(span.expects_finish());
/// ```
pub struct Record<'a> {
    recording: &'a mut Recording,
    node: &'a Node,
    /// `FirstChunk` while an item of a stream is observed, otherwise `Stop`. Names the event in failure reports.
    phase: Phase,
    pub(super) marks: ChunkMarks,
    /// Whether usage was recorded for this value.
    has_usage: bool,
    /// The index of the next `observe` closure for this value.
    next_observer: u32,
}

impl<'a> Record<'a> {
    pub(super) fn new(recording: &'a mut Recording, node: &'a Node, phase: Phase) -> Self {
        Self { recording, node, phase, marks: ChunkMarks::default(), has_usage: false, next_observer: 0 }
    }

    /// Returns what was recorded so far.
    #[must_use]
    pub fn recorded(&self) -> Recorded<'_> {
        Recorded::new(self.recording)
    }

    /// Records what the call used. Later calls [replace](Usage::merge) the counts that they contain; a usage in which nothing is
    /// known is ignored.
    pub fn usage(&mut self, usage: Usage) {
        if !usage.is_empty() {
            self.has_usage |= usage.has_counts();
            self.recording.usage_is_final |= self.recording.finished && usage.has_counts();
            match &mut self.recording.results.usage {
                Some(known) => known.merge(&usage),
                none => *none = Some(usage),
            }
        }
    }

    /// Records that the answer is finished: the provider said so, with a finish reason or an event of its protocol. What
    /// may still follow is usage or an end marker.
    ///
    /// A stream that the consumer drops afterwards is `completed`. A stream that ends without it is truncated, if that is
    /// [expected](crate::Span::expects_finish). Usage that is recorded with this value or later is that of the whole answer,
    /// so its `usage_status` is `reported` even if the consumer drops the stream. Earlier usage is then `partial`.
    pub fn finished(&mut self) {
        self.recording.finished = true;
        self.recording.usage_is_final |= self.has_usage;
    }

    /// Records the model that answered, which may differ from the requested one.
    pub fn response_model<'t>(&mut self, model: impl OptionalText<'t>) {
        if let Some(model) = copy_if_changed(self.recording.results.response_model.as_deref(), model) {
            self.recording.results.response_model = Some(model);
        }
    }

    /// Records the provider's id of the response.
    pub fn response_id<'t>(&mut self, id: impl OptionalText<'t>) {
        if let Some(id) = copy_if_changed(self.recording.results.response_id.as_deref(), id) {
            self.recording.results.response_id = Some(id);
        }
    }

    /// Records the provider's id of the request, such as the header `x-request-id` of its response, which its support asks for.
    /// It is not the [request id](crate::RequestId) of this crate.
    pub fn provider_request_id<'t>(&mut self, id: impl OptionalText<'t>) {
        self.optional_text("provider_request_id", id);
    }

    /// Records why the model stopped. For a request with several choices, see [`finish_reason_of`](Self::finish_reason_of).
    pub fn finish_reason<'t>(&mut self, reason: impl OptionalText<'t>) {
        self.finish_reason_of(0, reason);
    }

    /// Records why the model stopped generating the choice with this index, which begins at 0. The last value is kept.
    /// Indices of 128 and above are ignored.
    pub fn finish_reason_of<'t>(&mut self, choice: usize, reason: impl OptionalText<'t>) {
        // The index may come from a response. Without a limit it would decide how much memory is allocated.
        const MAX_CHOICES: usize = 128;
        let known = self.recorded().finish_reason_of(choice);
        let Some(reason) = copy_if_changed(known, reason) else { return };
        if choice < MAX_CHOICES {
            let reasons = self.recording.results.finish_reasons.get_or_insert_default();
            if reasons.len() <= choice {
                reasons.resize(choice + 1, Value::Null);
            }
            reasons[choice] = Value::Text(reason);
        }
    }

    /// Records the result of the span (`response`, `documents`, `result`, …). It is content: the closure runs only if a
    /// handler may receive it. The result of a stream is always null.
    pub fn result<V: Into<Value>>(&mut self, result: impl FnOnce() -> V) {
        if let Some(result) = self.content("result", || result().into()) {
            self.recording.results.value = result;
        }
    }

    /// Records a human-readable form of the response. It is content: the closure runs only if a handler may receive it.
    pub fn output<V: Into<Value>>(&mut self, output: impl FnOnce() -> V) {
        let output = self.content("output", || output().into());
        // Null, so that the key is present even if the closure did not run.
        self.recording.results.set_output(output.unwrap_or_default());
    }

    /// Appends a piece of a human-readable form of the response. It is content: the closure runs only if a handler may
    /// receive it. Otherwise no text is accumulated.
    pub fn push_output<T: AsRef<str>>(&mut self, piece: impl FnOnce() -> T) {
        let Some(piece) = self.content("output", piece) else {
            // As in `output`: the key is present, and its value is null.
            self.recording.results.output.get_or_insert_default();
            return;
        };
        self.recording.results.append_output(piece.as_ref());
    }

    /// Appends a piece of a human-readable form of the response as UTF-8, such as what a raw body contains. A character may be
    /// split over two pieces; bytes that are not UTF-8 become U+FFFD. Otherwise as [`push_output`](Self::push_output).
    pub fn push_output_bytes<T: AsRef<[u8]>>(&mut self, piece: impl FnOnce() -> T) {
        let Some(piece) = self.content("output", piece) else {
            self.recording.results.output.get_or_insert_default();
            return;
        };
        self.recording.results.append_output_bytes(piece.as_ref());
    }

    /// Records the output of a future, or appends a piece of the output of a stream.
    pub(super) fn add_output(&mut self, make: impl FnOnce() -> Value) {
        if self.phase != Phase::FirstChunk {
            self.output(make);
        } else if let Some(piece) = self.content("output", make).and_then(Value::into_text) {
            self.recording.results.append_output(&piece);
        }
    }

    /// Records a number: one of the span's counts (`image_count`, `embedding_count`, …), `cost_usd`, or a user-defined
    /// measurement. Measurements taken by the crate cannot be overwritten.
    pub fn measurement(&mut self, key: impl Into<Key>, value: impl Into<Number>) {
        self.recording.results.measure(key.into(), value.into());
    }

    /// Records what the call cost in US dollars, as the provider or the client reports it. A later value replaces an earlier
    /// one, and takes precedence over the cost in a [usage](crate::Usage::cost). One that is negative or not finite is ignored.
    ///
    /// The end then has the measurement `cost_usd` and the key `cost_source`, which is `reported`. If several spans observe one
    /// call, one of them [reports the cost](crate::Event::counts_cost), as for tokens.
    pub fn cost_usd(&mut self, usd: impl Into<Option<f64>>) {
        if let Some(usd) = usd.into() {
            self.recording.results.set_cost(usd);
        }
    }

    /// Records a user-defined key. Keys that the crate sets cannot be overwritten.
    pub fn metadata(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        self.recording.results.metadata.insert(key, value);
    }

    /// Marks the call as failed although no `Err` was returned, such as for an HTTP 500 returned as `Ok`, or an error event
    /// inside a stream. Only the first error is kept.
    ///
    /// `error_type` should be one of few values, because it becomes a label of metrics. The text is content, and formatted
    /// with `{:#}`.
    pub fn error<'t>(&mut self, error_type: impl Into<Cow<'t, str>>, text: impl fmt::Display) {
        if self.recording.failure.is_none() {
            // `Display` is user code: `None` if no handler may receive the text, or if it panicked.
            let text =
                self.is_wanted(Content::ERROR).then(|| self.call("error", |_| format!("{text:#}").into()));
            let error_type = Key::Owned(error_type.into().into_owned());
            self.recording.failure = Some(Failure { error_type, text: text.flatten(), stacktrace: None });
        }
    }

    /// Marks this chunk as having no content, such as a ping, or one with a role or usage. It is counted as a chunk, but
    /// does not cause the `first_chunk` event and does not end a wait: `longest_wait` and the gap that
    /// [listeners](crate::Listener::on_chunk) receive reach from one chunk with content to the next. It is also no content
    /// of an enclosing span whose stream returns it.
    pub fn content_free(&mut self) {
        self.marks.content_free = true;
    }

    /// Marks this chunk as one with a part of the answer, of the reasoning or of a tool call. A chunk may be of several kinds.
    ///
    /// The end of the span then has the measurements `time_to_first_answer` and `time_to_first_reasoning`: the times from its
    /// start to the first chunk of that kind. Ignored if the chunk is [without content](Self::content_free), or outside of chunks.
    pub fn chunk_kind(&mut self, kind: ChunkKind) {
        self.marks.kinds.insert(kind);
    }

    /// Records an `Err` of the wrapped code. `classify` receives whether the error text is needed, and returns `None` if the
    /// `Err` is not to count as a failure of the span. If it panics, the class is `_OTHER`. Only the first error is kept.
    pub(crate) fn record_err(&mut self, classify: impl FnOnce(bool) -> Option<Failure>) {
        if self.recording.failure.is_none() {
            let with_text = self.is_wanted(Content::ERROR);
            let unknown = || Some(Failure { error_type: OTHER.into(), text: None, stacktrace: None });
            self.recording.failure = self.call("error", |_| classify(with_text)).unwrap_or_else(unknown);
        }
    }

    /// Records the measurements and extras returned by the work of a [`span`](crate::span).
    pub(crate) fn apply(&mut self, name: SpanName, measurements: Measurements, extras: Metadata) {
        let failure = apply_extras(name, measurements, extras, &mut self.recording.results);
        // A failure that was recorded earlier takes precedence.
        self.recording.failure = self.recording.failure.take().or(failure);
    }

    /// Records one of the optional end keys.
    fn optional_text<'t>(&mut self, key: &'static str, text: impl OptionalText<'t>) {
        let known = self.recording.results.optional.get(key).and_then(|known| known.as_value_ref().as_str());
        if let Some(text) = copy_if_changed(known, text) {
            self.recording.results.set_optional(key, text);
        }
    }

    /// Calls a user closure. A panic is reported under this handler id, and `None` is returned.
    pub(super) fn call<R>(&mut self, id: &str, closure: impl FnOnce(&mut Self) -> R) -> Option<R> {
        let node = self.node;
        let event = node.start()?.name.event(self.phase);
        node.telemetry.observe(&event, id, || closure(self))
    }

    /// Calls the next `observe` closure, unless it has panicked before on this span.
    pub(super) fn observe(&mut self, id: &str, observer: impl FnOnce(&mut Self)) {
        // Closures are identified by their index. From the 32nd on they share one bit, so a panic in one of them disables
        // these all.
        let own_bit = 1 << self.next_observer.min(31);
        self.next_observer += 1;
        if self.recording.panicked_observers & own_bit == 0 && self.call(id, observer).is_none() {
            self.recording.panicked_observers |= own_bit;
        }
    }

    /// Calls a content closure, if a handler may receive the content.
    fn content<T>(&mut self, id: &str, make: impl FnOnce() -> T) -> Option<T> {
        // After a panic no further content closure is called on this span: a stream would report a failure for each chunk.
        if self.recording.results.content_panicked || !self.is_wanted(Content::OUTPUT) {
            return None;
        }
        let made = self.call(id, |_| make());
        if made.is_none() {
            self.recording.results.content_panicked = true;
        }
        made
    }

    /// Returns whether a handler of one of the end events may receive this content.
    fn is_wanted(&self, content: Content) -> bool {
        let Some(start) = self.node.start() else { return false };
        // Not cached, because handlers may be attached while the span runs. Which end it will be is not known yet.
        let allowed = |end: Phase| self.node.telemetry.content(&start.name.event(end));
        [Phase::Stop, Phase::Exception].into_iter().any(|end| allowed(end).intersects(content))
    }
}

/// Copies the text, if it is set and differs from the known one. Providers repeat the model and the id in every chunk.
fn copy_if_changed<'t>(known: Option<&str>, text: impl OptionalText<'t>) -> Option<Key> {
    text.given().filter(|text| known != Some(&**text)).map(|text| Key::Owned(text.into_owned()))
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("usage", &self.recording.results.usage).finish_non_exhaustive()
    }
}
