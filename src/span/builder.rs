use std::borrow::Cow;
use std::fmt;

use super::observe::{DescribeBy, KeepResponse, NoObserver, OnEnd, OnValue, WithInput};
use super::pending::PendingSpan;
use super::record::Record;
use crate::event::{Failure, ImageOperation, Key, SpanName, Value};

/// What a span is: its name, its start keys and its observers. Wrap a future or a stream with it.
///
/// | wraps | with |
/// |---|---|
/// | a future of `Result` | [`future.in_span(span)`](crate::FutureSpanExt::in_span) |
/// | any future | [`future.in_span_infallible(span)`](crate::FutureSpanExt::in_span_infallible) |
/// | a stream of `Result` | [`stream.in_span(span)`](crate::StreamSpanExt::in_span) |
/// | any stream | [`stream.in_span_infallible(span)`](crate::StreamSpanExt::in_span_infallible) |
/// | a future that returns a stream | [`span.open(future)`](Self::open) |
/// | callback code | [`span.start()`](Self::start) |
///
/// The context is captured where the constructor is called, so that what it wraps may be spawned anywhere. If nobody
/// listens to the span's name anywhere at that moment, the span keeps nothing and stays silent to its end.
///
/// # Type parameters
///
/// `O` is what observes the span: each of [`observe`](Self::observe), [`on_end`](Self::on_end), [`error_type`](Self::error_type)
/// and the like wraps it once more. Closures may borrow and need not be `Send`. A span without any is a plain `Span`.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{prelude::*, Usage};
///
/// # struct Reply { text: String, tokens: u64 }
/// # async fn ask(_: &str) -> Result<Reply, std::io::Error> { Ok(Reply { text: "4".into(), tokens: 9 }) }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), std::io::Error> {
/// let reply = ask("2 + 2?")
///     .in_span(
///         Span::generate()
///             .engine("openai")
///             .model("gpt-5")
///             .temperature(0.2)
///             .observe(|reply: &Reply, record| record.usage(Usage::new().output(reply.tokens))),
///     )
///     .await?;
/// # assert_eq!(reply.text, "4");
/// # Ok(())
/// # }
/// ```
#[must_use = "a span does nothing until it wraps something"]
pub struct Span<O = NoObserver> {
    pub(crate) pending: PendingSpan,
    pub(crate) observer: O,
}

impl Span {
    /// One request to a model, answered at once.
    #[track_caller]
    #[inline]
    pub fn generate() -> Self {
        Self::named(SpanName::Generate)
    }

    /// One request to a model, answered chunk by chunk.
    #[track_caller]
    #[inline]
    pub fn stream() -> Self {
        Self::named(SpanName::Stream)
    }

    /// One round of an agent: a model call and the tools it asked for.
    #[track_caller]
    #[inline]
    pub fn step() -> Self {
        Self::named(SpanName::Step)
    }

    /// One conversation turn: the outermost span of an agent.
    #[track_caller]
    #[inline]
    pub fn chat() -> Self {
        Self::named(SpanName::Chat)
    }

    /// One tool that the model asked for: the tool's name, and the id that the model gave the call.
    #[track_caller]
    #[inline]
    pub fn tool<'t, 'i>(name: impl Into<Cow<'t, str>>, call_id: impl Into<Cow<'i, str>>) -> Self {
        Self::named(SpanName::Tool).start_text("tool_call_id", call_id).start_text("tool_name", name)
    }

    /// `n` images made or changed.
    #[track_caller]
    #[inline]
    pub fn image(operation: ImageOperation, n: u64) -> Self {
        Self::named(SpanName::Image).start_key("operation", || operation.as_str()).start_key("n", || n)
    }

    /// `input_count` texts turned into vectors.
    #[track_caller]
    #[inline]
    pub fn embed(input_count: u64) -> Self {
        Self::named(SpanName::Embed).start_key("input_count", || input_count)
    }

    /// `input_count` inputs checked against a policy; `multimodal` if not all are text.
    #[track_caller]
    #[inline]
    pub fn moderate(input_count: u64, multimodal: bool) -> Self {
        Self::named(SpanName::Moderate)
            .start_key("input_count", || input_count)
            .start_key("multimodal", || multimodal)
    }

    /// `question_count` questions about an input answered.
    #[track_caller]
    #[inline]
    pub fn classify(question_count: u64) -> Self {
        Self::named(SpanName::Classify).start_key("question_count", || question_count)
    }

    /// A text of `input_length` characters turned into speech.
    #[track_caller]
    #[inline]
    pub fn synthesize(input_length: u64) -> Self {
        Self::named(SpanName::Synthesize).start_key("input_length", || input_length)
    }

    /// Speech turned into text; the media type of the audio, such as `audio/wav`.
    #[track_caller]
    #[inline]
    pub fn transcribe<'t>(audio_mime: impl Into<Cow<'t, str>>) -> Self {
        Self::named(SpanName::Transcribe).start_text("audio_mime", audio_mime)
    }

    /// At most `top_k` documents looked up in `data_source`: a vector store, an index or a search engine.
    ///
    /// Its result is `documents`. It is not a call: an embedding of the query inside it counts its own tokens.
    #[track_caller]
    #[inline]
    pub fn retrieve<'t>(data_source: impl Into<Cow<'t, str>>, top_k: u64) -> Self {
        let span = Self::named(SpanName::Retrieve).start_text("data_source", data_source);
        span.start_key("top_k", || top_k)
    }

    /// `document_count` documents sorted by how well they answer a query.
    #[track_caller]
    #[inline]
    pub fn rerank(document_count: u64) -> Self {
        Self::named(SpanName::Rerank).start_key("document_count", || document_count)
    }

    #[track_caller]
    #[inline]
    pub(crate) fn named(name: SpanName) -> Self {
        Self { pending: PendingSpan::capture(name), observer: NoObserver }
    }
}

impl<O> Span<O> {
    /// Looks at what the code returns: the `Ok` value of a future, each `Ok` item of a stream, in the infallible forms the
    /// whole value. The closure can record usage, model, id and finish reasons, say that a chunk
    /// [carries no content](Record::content_free), or that what looks like a success is an [error](Record::error).
    ///
    /// It runs inside the span, only when the span is observed, and not for an `Err`. If it panics, the call is unharmed:
    /// the closure is not called again on this span, and `telemetry.handler.failure` is emitted with the handler id
    /// `observe`, or `output` or `result` if the panic came from content that it [makes](Record::output).
    ///
    /// Several run in the order in which they were given.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::{prelude::*, Usage};
    ///
    /// # struct Chunk { tokens: Option<u64> }
    /// let span = Span::stream().observe(|chunk: &Chunk, record| {
    ///     if let Some(tokens) = chunk.tokens {
    ///         record.usage(Usage::new().output(tokens));
    ///     }
    /// });
    /// # drop(span);
    /// ```
    #[inline]
    pub fn observe<T: ?Sized, F: FnMut(&T, &mut Record<'_>)>(self, observe: F) -> Span<OnValue<O, F>> {
        self.wrap(|inner| OnValue { inner, observe })
    }

    /// Called once, before the end is emitted, however the span ends: completed, with an error, dropped or cancelled. Only
    /// after a panic it is not called. It can [read](Record::recorded) what was recorded, and add to it.
    ///
    /// It runs inside the span, only when the span is observed. If it panics, the call is unharmed, and
    /// `telemetry.handler.failure` is emitted with the handler id `on_end`.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::{prelude::*, Usage};
    ///
    /// // A provider that reports no tokens.
    /// let span = Span::stream().on_end(|record| {
    ///     if record.recorded().usage().is_none() {
    ///         record.metadata("usage_missing", true);
    ///     }
    /// });
    /// # drop(span);
    /// ```
    #[inline]
    pub fn on_end<F: FnOnce(&mut Record<'_>)>(self, on_end: F) -> Span<OnEnd<O, F>> {
        self.wrap(|inner| OnEnd { inner, on_end: Some(on_end) })
    }

    /// What came back, in a form for people. The closure sees what [`observe`](Self::observe) sees, and runs only if a
    /// handler may see the field `output`; on a stream it returns pieces, which are appended. It is content: no exporter
    /// sends it unless it is configured to.
    #[inline]
    pub fn output<T: ?Sized, V: Into<Value>, F: FnMut(&T) -> V>(
        mut self,
        mut output: F,
    ) -> Span<OnValue<O, impl FnMut(&T, &mut Record<'_>)>> {
        if let Some(start) = self.pending.start_mut() {
            start.has_output = true;
        }
        self.observe(move |value: &T, record: &mut Record<'_>| record.add_output(|| output(value).into()))
    }

    /// What was asked, in a form for people. The closure runs at the start, only if a handler may see the field `input`.
    /// It is content: no exporter sends it unless it is configured to. Given twice, the last one counts.
    #[inline]
    pub fn input<V: Into<Value>, F: FnOnce() -> V>(mut self, input: F) -> Span<WithInput<O, F>> {
        if let Some(start) = self.pending.start_mut() {
            // The key is there even if the closure does not run.
            start.input = Some(Value::Null);
        }
        self.wrap(|inner| WithInput { inner, input: Some(input) })
    }

    /// Classifies errors: one of few values, such as `rate_limited`. The text of an error stays its `Display`.
    ///
    /// The class holds for this span only: a span around it that fails with the same error classifies it by its own
    /// settings. Without it, the class is the name of the error's type, or `_OTHER` for boxed errors.
    #[inline]
    pub fn error_type<E: fmt::Display + ?Sized, K: Into<Key>, F: Fn(&E) -> K>(
        self,
        class: F,
    ) -> Span<DescribeBy<O, impl Fn(&E, bool) -> Option<Failure>>> {
        self.describe(move |error: &E, with_text| {
            let text = with_text.then(|| error.to_string().into());
            Some(Failure { error_type: class(error).into(), text, stacktrace: None })
        })
    }

    /// Describes errors, class and text; for errors without `Display`, or whose `Display` says too much. `None` means that
    /// this `Err` is no error, as that of a client which ends each stream with an `Err`.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::{observe::Failure, prelude::*};
    ///
    /// # enum Refused { StreamEnded, Status(u16) }
    /// let span = Span::stream().error_with(|error: &Refused| match error {
    ///     Refused::StreamEnded => None,
    ///     Refused::Status(status) => Some(Failure::new("http", format!("status {status}"))),
    /// });
    /// let simple = Span::stream().error_with(|_: &Refused| Failure::new("refused", "the model refused"));
    /// # drop((span, simple));
    /// ```
    #[inline]
    pub fn error_with<E: ?Sized, D: Into<Option<Failure>>, F: Fn(&E) -> D>(
        self,
        describe: F,
    ) -> Span<DescribeBy<O, impl Fn(&E, bool) -> Option<Failure>>> {
        self.describe(move |error: &E, with_text| {
            let failure = describe(error).into()?;
            Some(Failure { text: failure.text.filter(|_| with_text), ..failure })
        })
    }

    /// Shows the response to handlers by reference, as [`event.response::<T>()`](crate::Event::response). It must own
    /// its data (`'static`), which is why this is not the default.
    #[inline]
    pub fn keep_response(self) -> Span<KeepResponse<O>> {
        self.wrap(|inner| KeepResponse { inner })
    }

    fn describe<E: ?Sized, F: Fn(&E, bool) -> Option<Failure>>(self, describe: F) -> Span<DescribeBy<O, F>> {
        self.wrap(|inner| DescribeBy { inner, describe })
    }

    #[inline]
    fn wrap<P>(self, wrap: impl FnOnce(O) -> P) -> Span<P> {
        Span { pending: self.pending, observer: wrap(self.observer) }
    }
}

impl<O> fmt::Debug for Span<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span").field("name", &self.pending.name()).finish_non_exhaustive()
    }
}
