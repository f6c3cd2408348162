use std::cell::Cell;
use std::future::Future;

use futures::FutureExt as _;

use super::ext::FutureSpanExt as _;
use crate::event::{Measurements, Metadata, SpanName};
use crate::span::{Record, Span};

/// What the closure of [`span`] gives: `(result, extras)` or `(result, measurements, extras)`.
#[diagnostic::on_unimplemented(
    message = "the work of a `span` gives `(result, extras)` or `(result, measurements, extras)`, not `{Self}`",
    note = "extras are what `Metadata` is made from, such as `[(\"response_model\", \"gpt-5\")]` or `Metadata::new()`"
)]
pub trait SpanReturn {
    /// The result that the caller gets.
    type Value;
    /// The three parts.
    #[doc(hidden)]
    fn split(self) -> (Self::Value, Measurements, Metadata);
}

impl<T, X: Into<Metadata>> SpanReturn for (T, X) {
    type Value = T;

    fn split(self) -> (T, Measurements, Metadata) {
        (self.0, Measurements::new(), self.1.into())
    }
}

impl<T, M: Into<Measurements>, X: Into<Metadata>> SpanReturn for (T, M, X) {
    type Value = T;

    fn split(self) -> (T, Measurements, Metadata) {
        (self.0, self.1.into(), self.2.into())
    }
}

/// A result on its way out, with what the span wants to know of it.
struct Reported<T> {
    value: T,
    extras: Cell<(Measurements, Metadata)>,
}

/// The closure contract of `ALLM.Telemetry.span/3`: the future gives its result and what to tell of it.
///
/// `start_metadata` may set any key of the catalogue that a caller can set (`model`, `tool_name`, `request_id`, …) and
/// keys of your own. A `request_id` that [is none](crate::event::ParseRequestIdError) stands as `invalid_request_id`, a key of
/// your own, and the span gets the id it would have without. The result itself is opaque.
///
/// # What the extras may set
///
/// They are merged over the start's metadata.
///
/// | key | |
/// |---|---|
/// | `response`, `step_result`, `chat_result`, `result`, `documents` | the span's own result, whichever of these it has |
/// | `usage` | a map as `Value::from(&Usage)` makes it: `input_tokens`, `output_tokens`, `cached_tokens`, `cache_write_tokens`, `reasoning_tokens`; anything else is no usage |
/// | `response_model`, `response_id` | text |
/// | `finish_reasons` | a list, or the one reason |
/// | `output` | what came back, in a form for people |
/// | `error`, `error_type` | text and class; either makes the outcome `error`, and the class is `_OTHER` if only the text is given |
/// | any other that the catalogue does not know | a key of your own |
///
/// Ignored are the keys that only the start sets (`model`, `engine`, `input`, `request_id`, `tool_name`, …) and those that
/// only the crate sets (`span_id`, `outcome`, `stacktrace`, …), as are measurements that it takes itself (`duration`, …).
///
/// # Examples
///
/// ```
/// use allm_telemetry::{span, SpanName, event::Metadata};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let start_metadata = Metadata::new().with("model", "gpt-image-1").with("operation", "generate").with("n", 2);
/// let images = span(SpanName::Image, start_metadata, async {
///     let images = vec!["1.png", "2.png"];
///     let count = images.len();
///     (images, [("image_count", count)], [("response", "two cats")])
/// })
/// .await;
/// assert_eq!(images.len(), 2);
/// # }
/// ```
#[track_caller]
pub fn span<F>(
    name: SpanName,
    start_metadata: impl Into<Metadata>,
    work: F,
) -> impl Future<Output = <F::Output as SpanReturn>::Value>
where
    F: Future,
    F::Output: SpanReturn,
{
    // Not an `async fn`: the context is captured here, where the span is built.
    let span = Span::named(name).start_metadata(start_metadata.into()).observe(
        move |reported: &Reported<_>, record: &mut Record<'_>| {
            let (measurements, extras) = reported.extras.take();
            record.apply(name, measurements, extras);
        },
    );
    work.map(report).in_span_infallible(span).map(|reported| reported.value)
}

/// [`span`] for work that does not await.
///
/// # Examples
///
/// ```
/// use allm_telemetry::{span_sync, SpanName, event::Metadata};
///
/// let sum = span_sync(SpanName::Tool, [("tool_name", "add"), ("tool_call_id", "call_1")], || {
///     (2 + 2, [("result", 4)])
/// });
/// assert_eq!(sum, 4);
/// ```
#[track_caller]
pub fn span_sync<R: SpanReturn>(
    name: SpanName,
    start_metadata: impl Into<Metadata>,
    work: impl FnOnce() -> R,
) -> R::Value {
    let mut active = Span::named(name).start_metadata(start_metadata.into()).start();
    let (value, measurements, extras) = active.enter(work).split();
    active.record(|record| record.apply(name, measurements, extras));
    active.complete();
    value
}

fn report<R: SpanReturn>(returned: R) -> Reported<R::Value> {
    let (value, measurements, extras) = returned.split();
    Reported { value, extras: Cell::new((measurements, extras)) }
}
