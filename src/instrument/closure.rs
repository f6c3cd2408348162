use std::cell::Cell;
use std::future::Future;

use futures::FutureExt as _;

use super::ext::FutureSpanExt as _;
use crate::event::{Measurements, Metadata, SpanName};
use crate::span::{Record, Span};

/// The output of the work passed to [`span`]: `(result, extras)` or `(result, measurements, extras)`.
#[diagnostic::on_unimplemented(
    message = "the work passed to `span` must return `(result, extras)` or `(result, measurements, extras)`, not `{Self}`",
    note = "`extras` must implement `Into<Metadata>`, such as `[(\"response_model\", \"gpt-5\")]` or `Metadata::new()`"
)]
pub trait SpanReturn {
    /// The type of the result, which the caller receives.
    type Value;
    /// Splits the output into result, measurements and extras.
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

/// The result together with the data to record.
struct WithExtras<T> {
    value: T,
    // A `Cell`, because an observer moves the extras out through a shared reference.
    extras: Cell<(Measurements, Metadata)>,
}

/// Runs a future in a span. The future returns its result together with measurements and extras, which are recorded on the
/// span. The counterpart of `telemetry:span/3` in Erlang.
///
/// `start_metadata` may contain any [standard key](crate::event) that a caller can set (`model`, `tool_name`, `request_id`, …)
/// and user-defined keys. An [invalid](crate::event::ParseRequestIdError) `request_id` is recorded with the key
/// `invalid_request_id`, and the span has the id that it would have without. The result itself is not inspected: even an
/// `Err` is reported as `completed`, unless the extras contain an error.
///
/// # What the extras may contain
///
/// They are merged over the metadata of the start.
///
/// | key | value |
/// |---|---|
/// | `response`, `step_result`, `chat_result`, `result`, `documents` | the result; which of these keys depends on the kind of span |
/// | `usage` | a map as returned by `Value::from(&Usage)`, with the [keys of events](crate::event#usage), so that input and output include all parts; any other value is ignored |
/// | `response_model`, `response_id` | a text |
/// | `finish_reasons` | a list, or a single reason |
/// | an [optional end key](crate::event::OPTIONAL_END_KEYS), such as `provider_request_id` | its value |
/// | `output` | a human-readable form of the response |
/// | `error`, `error_type` | the text and the class of an error; if one of them is present, the outcome is `error`; without a class it is `_OTHER` |
/// | any key that is not a standard key | recorded as a user-defined key |
///
/// The following are ignored: keys that only the start sets (`model`, `engine`, `input`, `request_id`, `tool_name`, …), keys
/// that only the crate sets (`span_id`, `outcome`, `stacktrace`, …), and measurements that the crate takes (`duration`, …).
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
    // Not an `async fn`, which would create the span, and with it choose the context, only at the first poll.
    let span = Span::named(name).start_metadata(start_metadata.into()).observe(
        move |output: &WithExtras<_>, record: &mut Record<'_>| {
            let (measurements, extras) = output.extras.take();
            record.apply(name, measurements, extras);
        },
    );
    // Split inside the span, so that the observer receives the extras before the end event is emitted.
    work.map(split_extras).in_span_infallible(span).map(|output| output.value)
}

/// Runs a closure in a span, as [`span`] does with a future.
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
    // If a conversion in `split` panics, the drop of `active` ends the span as `panicked`.
    let (value, measurements, extras) = active.enter(work).split();
    active.record(|record| record.apply(name, measurements, extras));
    active.complete();
    value
}

fn split_extras<R: SpanReturn>(output: R) -> WithExtras<R::Value> {
    let (value, measurements, extras) = output.split();
    WithExtras { value, extras: Cell::new((measurements, extras)) }
}
