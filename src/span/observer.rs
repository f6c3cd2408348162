use std::any::Any;
use std::fmt;
use std::panic::Location;

use super::record::Record;
use crate::event::{EventName, Value};
use crate::registry::{Failure, Telemetry, emit_failure, fence};

/// What looks at a result of type `T`: a closure `|reply: &Reply, record| …`, or nothing.
#[diagnostic::on_unimplemented(
    message = "the `on_stop` observer cannot see a `{T}`",
    note = "`on_stop` sees the `Ok` value of a fallible future, the output of a plain one, and `()` at the end of a stream"
)]
pub trait OnStop<T: ?Sized> {
    /// Whether there is anything to call.
    #[doc(hidden)]
    const LOOKS: bool = true;
    /// Looks.
    #[doc(hidden)]
    fn observe(self, value: &T, record: &mut Record<'_>);
    /// The value for handlers, if the span keeps it.
    #[doc(hidden)]
    fn response<'t>(&self, value: &'t T) -> Option<&'t dyn Any> {
        let _ = value;
        None
    }
}

/// What looks at a chunk of type `T`: a closure `|chunk: &Chunk, record| …`, or nothing.
#[diagnostic::on_unimplemented(
    message = "the `on_chunk` observer cannot see a `{T}`",
    note = "`on_chunk` sees the `Ok` items of a fallible stream, or the items of a plain one"
)]
pub trait OnChunk<T: ?Sized> {
    /// Whether there is anything to call.
    #[doc(hidden)]
    const LOOKS: bool = true;
    /// Looks.
    #[doc(hidden)]
    fn observe(&mut self, chunk: &T, record: &mut Record<'_>);
}

/// What tells the input of a span: a closure, or nothing.
pub trait Input {
    /// Whether there is one.
    #[doc(hidden)]
    const GIVEN: bool;
    /// The input.
    #[doc(hidden)]
    fn make(self) -> Value;
}

/// No observer.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

/// Made by [`Span::keep_response`](crate::Span::keep_response).
#[derive(Clone, Copy, Default)]
pub struct KeepResponse<S>(pub(super) S);

impl<T: ?Sized> OnStop<T> for NoObserver {
    const LOOKS: bool = false;

    #[inline]
    fn observe(self, _: &T, _: &mut Record<'_>) {}
}

impl<T: ?Sized, F: FnOnce(&T, &mut Record<'_>)> OnStop<T> for F {
    fn observe(self, value: &T, record: &mut Record<'_>) {
        self(value, record);
    }
}

impl<T: 'static, S: OnStop<T>> OnStop<T> for KeepResponse<S> {
    fn observe(self, value: &T, record: &mut Record<'_>) {
        self.0.observe(value, record);
    }

    fn response<'t>(&self, value: &'t T) -> Option<&'t dyn Any> {
        Some(value)
    }
}

impl<T: ?Sized> OnChunk<T> for NoObserver {
    const LOOKS: bool = false;

    #[inline]
    fn observe(&mut self, _: &T, _: &mut Record<'_>) {}
}

impl<T: ?Sized, F: FnMut(&T, &mut Record<'_>)> OnChunk<T> for F {
    #[inline]
    fn observe(&mut self, chunk: &T, record: &mut Record<'_>) {
        self(chunk, record);
    }
}

impl Input for NoObserver {
    const GIVEN: bool = false;

    fn make(self) -> Value {
        Value::Null
    }
}

impl<V: Into<Value>, F: FnOnce() -> V> Input for F {
    const GIVEN: bool = true;

    fn make(self) -> Value {
        self().into()
    }
}

impl<S> fmt::Debug for KeepResponse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeepResponse")
    }
}

/// Calls an observer. One that panics harms nothing but itself and is reported like a handler.
pub(crate) fn observe<R>(
    telemetry: &Telemetry,
    event: &EventName,
    id: &str,
    call: impl FnOnce() -> R,
) -> Option<R> {
    match fence(call) {
        Ok(result) => Some(result),
        Err(caught) => {
            emit_failure(telemetry, Failure::panic(Some(event), id, &caught, Location::caller()));
            caught.swallow();
            None
        }
    }
}
