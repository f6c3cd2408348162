use std::fmt;

use super::classify::{ByDisplay, Described, ErrorInfo, Typed};
use super::observer::{Both, KeepResponse, NoObserver, Output, Then};
use super::pending::PendingSpan;
use super::record::Record;
use crate::event::{ImageOperation, Key, SpanName, Value};

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
/// The observers, so that they may borrow and need not be `Send`: on the end, on each chunk, on errors, on the input.
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
///             .on_stop(|reply: &Reply, record| record.usage(Usage::new().output(reply.tokens))),
///     )
///     .await?;
/// # assert_eq!(reply.text, "4");
/// # Ok(())
/// # }
/// ```
#[must_use = "a span does nothing until it wraps something"]
pub struct Span<S = NoObserver, C = NoObserver, K = ByDisplay, I = NoObserver> {
    pub(crate) unsettled: PendingSpan,
    pub(crate) on_stop: S,
    pub(crate) on_chunk: C,
    pub(crate) classify: K,
    pub(crate) input: I,
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
    pub fn tool(name: impl Into<Key>, call_id: impl Into<Key>) -> Self {
        let span = Self::named(SpanName::Tool).start_key("tool_call_id", || call_id.into());
        span.start_key("tool_name", || name.into())
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
    pub fn transcribe(audio_mime: impl Into<Key>) -> Self {
        Self::named(SpanName::Transcribe).start_key("audio_mime", || audio_mime.into())
    }

    /// At most `top_k` documents looked up in `data_source`: a vector store, an index or a search engine.
    ///
    /// Its result is `documents`. It is not a call: an embedding of the query inside it counts its own tokens.
    #[track_caller]
    #[inline]
    pub fn retrieve(data_source: impl Into<Key>, top_k: u64) -> Self {
        let span = Self::named(SpanName::Retrieve).start_key("data_source", || data_source.into());
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
        Self {
            unsettled: PendingSpan::capture(name),
            on_stop: NoObserver,
            on_chunk: NoObserver,
            classify: ByDisplay,
            input: NoObserver,
        }
    }
}

impl<S, C, K, I> Span<S, C, K, I> {
    /// Looks at the result: an `Ok` value, or whatever a plain future gave. On a stream it is called with `&()` when
    /// the stream has ended or was dropped.
    ///
    /// It runs once, inside the span, only when the span is observed, and not after a panic, a cancellation or the `Err`
    /// of a future. On a stream it runs after an `Err` item too, because the stream goes on. If it panics, the call is
    /// unharmed and `telemetry.handler.failure` tells, with the handler id `on_stop`; of content that it
    /// [makes](Record::output), with `output` or `result`.
    ///
    /// A second one is called after the first.
    #[inline]
    pub fn on_stop<T: ?Sized, F: FnOnce(&T, &mut Record<'_>)>(
        self,
        observer: F,
    ) -> Span<Then<S, F>, C, K, I> {
        self.then_on_stop(observer)
    }

    /// What came back, in a form for people: the closure sees what [`on_stop`](Self::on_stop) sees, and runs only if
    /// somebody listens who may see the field `output`. Content: no bridge sends it unless told to.
    #[inline]
    pub fn output<T: ?Sized, V: Into<Value>, F: FnOnce(&T) -> V>(
        mut self,
        output: F,
    ) -> Span<Then<S, Output<F>>, C, K, I> {
        if let Some(start) = self.unsettled.start_mut() {
            start.has_output = true;
        }
        self.then_on_stop(Output(output))
    }

    /// Looks at each chunk of a stream: it can record usage, model, id and finish reasons, say that the chunk
    /// [carries no content](Record::content_free), or that it is an [error](Record::error).
    ///
    /// It runs inside the span, only when the span is observed. If it panics, the stream is unharmed, the observer is
    /// not called again on this span, and `telemetry.handler.failure` tells, with the handler id `on_chunk`.
    ///
    /// A second one is called after the first.
    #[inline]
    pub fn on_chunk<T: ?Sized, F: FnMut(&T, &mut Record<'_>)>(
        self,
        observer: F,
    ) -> Span<S, Both<C, F>, K, I> {
        let Self { unsettled, on_stop, on_chunk, classify, input } = self;
        Span { unsettled, on_stop, on_chunk: Both::new(on_chunk, observer), classify, input }
    }

    /// Classifies errors: one of few values, such as `rate_limited`. The text of an error stays its `Display`.
    ///
    /// The class holds for this span only: a span around it that fails with the same error classifies it by its own
    /// settings. Without it, the class is the name of the error's type, or `_OTHER` for boxed errors.
    #[inline]
    pub fn error_type<E: ?Sized, T: Into<Key>, F: Fn(&E) -> T>(self, class: F) -> Span<S, C, Typed<F>, I> {
        let Self { unsettled, on_stop, on_chunk, input, .. } = self;
        Span { unsettled, on_stop, on_chunk, classify: Typed(class), input }
    }

    /// Describes errors, class and text; for errors without `Display`, or whose `Display` says too much.
    #[inline]
    pub fn error_with<E: ?Sized, F: Fn(&E) -> ErrorInfo>(self, describe: F) -> Span<S, C, Described<F>, I> {
        let Self { unsettled, on_stop, on_chunk, input, .. } = self;
        Span { unsettled, on_stop, on_chunk, classify: Described(describe), input }
    }

    /// What was asked, for those who may have it: the closure runs at the start, only if somebody listens who may see
    /// the field `input`. Content: no bridge sends it unless told to.
    #[inline]
    pub fn input<V: Into<Value>, F: FnOnce() -> V>(self, input: F) -> Span<S, C, K, F> {
        let Self { unsettled, on_stop, on_chunk, classify, .. } = self;
        Span { unsettled, on_stop, on_chunk, classify, input }
    }

    /// Shows the response to handlers by reference, as [`event.response::<T>()`](crate::Event::response). It must own
    /// its data (`'static`), which is why this is not the default.
    #[inline]
    pub fn keep_response(self) -> Span<Then<S, KeepResponse>, C, K, I> {
        self.then_on_stop(KeepResponse)
    }

    #[inline]
    fn then_on_stop<F>(self, next: F) -> Span<Then<S, F>, C, K, I> {
        let Self { unsettled, on_stop, on_chunk, classify, input } = self;
        Span { unsettled, on_stop: Then(on_stop, next), on_chunk, classify, input }
    }
}

impl<S, C, K, I> fmt::Debug for Span<S, C, K, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span").field("name", &self.unsettled.name()).finish_non_exhaustive()
    }
}
