use std::any::Any;
use std::fmt;

use super::record::Record;
use crate::event::{EventName, Phase, Value};
use crate::registry::Telemetry;

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

/// One observer, and then another, also if the first panics.
#[derive(Clone, Copy, Default)]
pub struct Then<A, B>(pub(super) A, pub(super) B);

/// Two observers of chunks, one after the other. One that panicked is not called again; the other is.
#[derive(Clone, Copy)]
pub struct Both<A, B> {
    first: A,
    second: B,
    panicked: [bool; 2],
}

impl<A, B> Both<A, B> {
    #[inline]
    pub(super) fn new(first: A, second: B) -> Self {
        Self { first, second, panicked: [false; 2] }
    }
}

/// Made by [`Span::keep_response`](crate::Span::keep_response).
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepResponse;

/// Made by [`Span::output`](crate::Span::output).
#[derive(Clone, Copy)]
pub struct Output<F>(pub(super) F);

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

impl<T: ?Sized, A: OnStop<T>, B: OnStop<T>> OnStop<T> for Then<A, B> {
    const LOOKS: bool = A::LOOKS || B::LOOKS;

    #[inline]
    fn observe(self, value: &T, record: &mut Record<'_>) {
        if A::LOOKS {
            record.call(Phase::Stop, "on_stop", |record| self.0.observe(value, record));
        }
        self.1.observe(value, record);
    }

    #[inline]
    fn response<'t>(&self, value: &'t T) -> Option<&'t dyn Any> {
        self.0.response(value).or_else(|| self.1.response(value))
    }
}

impl<T: 'static> OnStop<T> for KeepResponse {
    const LOOKS: bool = false;

    fn observe(self, _: &T, _: &mut Record<'_>) {}

    fn response<'t>(&self, value: &'t T) -> Option<&'t dyn Any> {
        Some(value)
    }
}

impl<T: ?Sized, V: Into<Value>, F: FnOnce(&T) -> V> OnStop<T> for Output<F> {
    fn observe(self, value: &T, record: &mut Record<'_>) {
        record.output(|| (self.0)(value));
    }
}

impl<T: ?Sized, A: OnChunk<T>, B: OnChunk<T>> OnChunk<T> for Both<A, B> {
    const LOOKS: bool = A::LOOKS || B::LOOKS;

    #[inline]
    fn observe(&mut self, chunk: &T, record: &mut Record<'_>) {
        let Self { first, second, panicked } = self;
        if !A::LOOKS {
            // There is nobody beside it, and who calls an only one fences it.
            return second.observe(chunk, record);
        }
        let mut call = |place: usize, observe: &mut dyn FnMut(&mut Record<'_>)| {
            panicked[place] = panicked[place] || !record.call(Phase::FirstChunk, "on_chunk", observe);
        };
        call(0, &mut |record| first.observe(chunk, record));
        call(1, &mut |record| second.observe(chunk, record));
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

impl<A, B> fmt::Debug for Both<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Both").field("panicked", &self.panicked).finish_non_exhaustive()
    }
}

impl<A, B> fmt::Debug for Then<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Then")
    }
}

impl<F> fmt::Debug for Output<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Output")
    }
}

/// Calls an observer. One that panics harms nothing but itself and is reported like a handler.
pub(crate) fn observe<R>(
    telemetry: &Telemetry,
    event: &EventName,
    id: &str,
    call: impl FnOnce() -> R,
) -> Option<R> {
    telemetry.observe(event, id, call)
}
