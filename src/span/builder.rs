use std::borrow::Cow;
use std::fmt;

use super::observe::{DescribeBy, KeepResponse, NoObserver, OnEnd, OnValue, WithInput};
use super::pending::PendingSpan;
use super::record::Record;
use crate::event::{Failure, ImageOperation, Key, OptionalText, SpanName, Value};

/// A builder for spans: the name, the start keys and the observers. Use it to wrap a future or a stream.
///
/// | to wrap | use |
/// |---|---|
/// | a future of `Result` | [`future.in_span(span)`](crate::FutureSpanExt::in_span) |
/// | any future | [`future.in_span_infallible(span)`](crate::FutureSpanExt::in_span_infallible) |
/// | a stream of `Result` | [`stream.in_span(span)`](crate::StreamSpanExt::in_span) |
/// | any stream | [`stream.in_span_infallible(span)`](crate::StreamSpanExt::in_span_infallible) |
/// | a future that returns a stream | [`span.open(future)`](Self::open) |
/// | code that is neither, such as callbacks | [`span.start()`](Self::start) |
///
/// The constructor stores the current context, so that the wrapped value may be polled on any task. If no handler or
/// listener for the span's name is attached at that time, to any [`Telemetry`](crate::Telemetry) handle, the span is not
/// observed and never emits an event.
///
/// # Type parameters
///
/// `O` is the type of the observer. Each call of [`observe`](Self::observe), [`on_end`](Self::on_end),
/// [`error_type`](Self::error_type) and the like wraps it once more, as iterator adapters do. A span without observers is a
/// plain `Span`. Closures may borrow and need not be `Send`.
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
    /// Creates a `generate` span: one request to a model, answered as a whole.
    #[track_caller]
    #[inline]
    pub fn generate() -> Self {
        Self::named(SpanName::Generate)
    }

    /// Creates a `stream` span: one request to a model, answered chunk by chunk.
    #[track_caller]
    #[inline]
    pub fn stream() -> Self {
        Self::named(SpanName::Stream)
    }

    /// Creates a `step` span: one round of an agent, with a model call and the tools that it requested.
    #[track_caller]
    #[inline]
    pub fn step() -> Self {
        Self::named(SpanName::Step)
    }

    /// Creates a `chat` span: one turn of a conversation, the outermost span of an agent.
    #[track_caller]
    #[inline]
    pub fn chat() -> Self {
        Self::named(SpanName::Chat)
    }

    /// Creates a `tool` span: a call of a tool that the model requested. `call_id` is the id assigned by the model.
    #[track_caller]
    #[inline]
    pub fn tool<'t>(name: impl OptionalText<'static>, call_id: impl OptionalText<'t>) -> Self {
        let span = Self::named(SpanName::Tool).start_text("tool_call_id", || copy(call_id));
        span.start_text("tool_name", || name.given())
    }

    /// Creates an `image` span: `n` images generated or edited.
    #[track_caller]
    #[inline]
    pub fn image(operation: ImageOperation, n: u64) -> Self {
        Self::named(SpanName::Image).start_key("operation", || operation.as_str()).start_key("n", || n)
    }

    /// Creates an `embed` span: `input_count` texts converted to vectors.
    #[track_caller]
    #[inline]
    pub fn embed(input_count: u64) -> Self {
        Self::named(SpanName::Embed).start_key("input_count", || input_count)
    }

    /// Creates a `moderate` span: `input_count` inputs checked for harmful content. `multimodal` is `true` if some are not
    /// text.
    #[track_caller]
    #[inline]
    pub fn moderate(input_count: u64, multimodal: bool) -> Self {
        Self::named(SpanName::Moderate)
            .start_key("input_count", || input_count)
            .start_key("multimodal", || multimodal)
    }

    /// Creates a `classify` span: `question_count` questions answered about an input.
    #[track_caller]
    #[inline]
    pub fn classify(question_count: u64) -> Self {
        Self::named(SpanName::Classify).start_key("question_count", || question_count)
    }

    /// Creates a `synthesize` span: a text of `input_length` characters converted to speech.
    #[track_caller]
    #[inline]
    pub fn synthesize(input_length: u64) -> Self {
        Self::named(SpanName::Synthesize).start_key("input_length", || input_length)
    }

    /// Creates a `transcribe` span: speech converted to text. `audio_mime` is the media type of the audio, such as
    /// `audio/wav`.
    #[track_caller]
    #[inline]
    pub fn transcribe<'t>(audio_mime: impl OptionalText<'t>) -> Self {
        Self::named(SpanName::Transcribe).start_text("audio_mime", || copy(audio_mime))
    }

    /// Creates a `retrieve` span: at most `top_k` documents looked up in `data_source`, which names a vector store, an
    /// index or a search engine.
    ///
    /// Its result key is `documents`. It is not a model call, so an `embed` span inside it reports its own tokens.
    #[track_caller]
    #[inline]
    pub fn retrieve<'t>(data_source: impl OptionalText<'t>, top_k: u64) -> Self {
        let span = Self::named(SpanName::Retrieve).start_text("data_source", || copy(data_source));
        span.start_key("top_k", || top_k)
    }

    /// Creates a `rerank` span: `document_count` documents sorted by their relevance to a query.
    #[track_caller]
    #[inline]
    pub fn rerank(document_count: u64) -> Self {
        Self::named(SpanName::Rerank).start_key("document_count", || document_count)
    }

    #[track_caller]
    #[inline]
    pub(crate) fn named(name: SpanName) -> Self {
        Self { pending: PendingSpan::new(name), observer: NoObserver }
    }
}

impl<O> Span<O> {
    /// Adds a closure that receives the `Ok` value of a future or each `Ok` item of a stream. In the `_infallible` wrappers
    /// it receives the whole value.
    ///
    /// The closure can record usage, model, id and finish reasons. It can also mark a chunk as
    /// [without content](Record::content_free), or a value that looks like a success as an [error](Record::error).
    ///
    /// It runs inside the span, and only if the span is observed. If it panics, the call is not affected: the closure is
    /// not called again on this span, and `telemetry.handler.failure` is emitted with the handler id `observe`, or with
    /// `output` or `result` if a content closure passed to the [record](Record::output) panicked.
    ///
    /// Multiple closures run in the order in which they were added.
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

    /// Adds a closure that is called once, before the end event is emitted, unless the wrapped code panicked. It can
    /// [read](Record::recorded) what was recorded and record more.
    ///
    /// It runs inside the span, and only if the span is observed. If it panics, the call is not affected, and
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

    /// Adds a closure that returns a human-readable form of the response. It receives the same values as
    /// [`observe`](Self::observe). On a stream, it returns pieces, which are concatenated.
    ///
    /// The output is content: the closure runs only if a handler may receive `output`, and exporters send it only if they
    /// are configured to.
    #[inline]
    pub fn output<T: ?Sized, V: Into<Value>, F: FnMut(&T) -> V>(
        mut self,
        mut output: F,
    ) -> Span<OnValue<O, impl FnMut(&T, &mut Record<'_>)>> {
        if let Some(start) = self.pending.start_mut() {
            // The key `output` is present even if the closure does not run.
            start.has_output = true;
        }
        self.observe(move |value: &T, record: &mut Record<'_>| record.add_output(|| output(value).into()))
    }

    /// Sets a closure that returns a human-readable form of the request. If set twice, the last closure is used.
    ///
    /// The input is content: the closure runs, at the start of the span, only if a handler may receive `input`, and
    /// exporters send it only if they are configured to.
    #[inline]
    pub fn input<V: Into<Value>, F: FnOnce() -> V>(mut self, input: F) -> Span<WithInput<O, F>> {
        if let Some(start) = self.pending.start_mut() {
            // The key `input` is present even if the closure does not run.
            start.optional.input = Some(Value::Null);
        }
        self.wrap(|inner| WithInput { inner, input: Some(input) })
    }

    /// Sets a closure that returns the class of an error: one of few values, such as `rate_limited`. The text of the error
    /// is still its alternate `Display`, `{:#}`, which includes the causes of an `anyhow::Error`.
    ///
    /// By default the class is the name of the error's type without generics and modules, such as `OpenAIError`. A type that
    /// is only named `Error` is preceded by its crate, or by its module in the standard library: `reqwest::Error`,
    /// `io::Error`. Boxed errors, such as `Box<dyn Error>` and `anyhow::Error`, have the class `_OTHER`. The default is not
    /// stable: it changes if the type is renamed or moves to another crate.
    ///
    /// The closure is used for this span only: enclosing spans that fail with the same error use their own classification.
    #[inline]
    pub fn error_type<E: fmt::Display + ?Sized, K: Into<Key>, F: Fn(&E) -> K>(
        self,
        class: F,
    ) -> Span<DescribeBy<O, impl Fn(&E, bool) -> Option<Failure>>> {
        self.describe(move |error: &E, with_text| {
            let text = with_text.then(|| format!("{error:#}").into());
            Some(Failure { error_type: class(error).into(), text, stacktrace: None })
        })
    }

    /// Sets a closure that returns the class and the text of an error. Use it for errors without `Display`, or whose
    /// `Display` contains private data.
    ///
    /// Return `None` if an `Err` is not an error, for example with a client that ends each stream with an `Err`.
    ///
    /// [`Failure::with_sources`] includes the causes in the text, which most errors do not mention in their `Display`.
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
            // The closure always returns a text. It is dropped if no handler may receive it.
            Some(Failure { text: failure.text.filter(|_| with_text), ..failure })
        })
    }

    /// Declares that the observer calls [`record.finished()`](Record::finished) when the provider says that the answer is
    /// finished. A stream that returns `None` without that was cut off: the outcome is `error`, with the class
    /// `stream_truncated`.
    ///
    /// It applies to `stream` spans and to wrapped or [opened](Self::open) streams, not to other futures: a future returns
    /// the answer as a whole.
    ///
    /// # Examples
    ///
    /// ```
    /// use allm_telemetry::prelude::*;
    ///
    /// # struct Chunk { finish_reason: Option<String> }
    /// let span = Span::stream().expects_finish().observe(|chunk: &Chunk, record| {
    ///     if let Some(reason) = &chunk.finish_reason {
    ///         record.finish_reason(reason);
    ///         record.finished();
    ///     }
    /// });
    /// # drop(span);
    /// ```
    #[inline]
    pub fn expects_finish(mut self) -> Self {
        if let Some(start) = self.pending.start_mut() {
            start.expects_finish = true;
        }
        self
    }

    /// Makes the response available to handlers of the end event by reference, as
    /// [`event.response::<T>()`](crate::Event::response). The response type must be `'static`, so this is not the default.
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

/// Copies a text that may be borrowed and differs from call to call. What is one of a few names is taken as a [`Key`]
/// instead: a literal is then copied neither here nor by each span that inherits it, which spares 20 ns a copy.
pub(super) fn copy<'t>(text: impl OptionalText<'t>) -> Option<Key> {
    text.given().map(|text| Cow::Owned(text.into_owned()))
}

impl<O> fmt::Debug for Span<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span").field("name", &self.pending.name()).finish_non_exhaustive()
    }
}
