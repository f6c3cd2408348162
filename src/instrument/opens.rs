use std::convert::Infallible as Never;

use futures::Stream;

use super::stream::SpanStream;
use crate::span::Record;
use crate::span::observe::{AsResult, Classify, Fallible, Infallible, Observe, Observer, Outcomes, Sealed};

/// Determines how the output of a future that opens a stream is split into stream and error: [`Fallible`], [`Infallible`]
/// or [`InfallibleItems`]. Sealed.
pub trait Opens<V>: Observer + Sized {
    /// The stream returned on success.
    type Stream: Stream;
    /// The error, if the future may return one.
    type Err;
    /// The observer of the stream's items.
    type Items: Outcomes<<Self::Stream as Stream>::Item>;
    /// The output, with the stream wrapped in the span.
    type Output;
    /// Converts the output to a `Result`.
    #[doc(hidden)]
    fn split(output: V) -> Result<Self::Stream, Self::Err>;
    /// Converts the wrapped stream, or the error, to the output.
    #[doc(hidden)]
    fn join(opened: Result<SpanStream<Self::Stream, Self::Items>, Self::Err>) -> Self::Output;
    /// Records the error.
    #[doc(hidden)]
    fn record_err(&self, error: &Self::Err, record: &mut Record<'_>);
    /// Converts this to the observer of the items.
    #[doc(hidden)]
    fn into_items(self) -> Self::Items;
}

/// The output types that [`open_infallible`](crate::Span::open_infallible) supports: a stream, or a `Result` of a stream. `P`
/// is the observer `O` in the wrapper for this output.
#[diagnostic::on_unimplemented(
    message = "the future passed to `open_infallible` must return a stream or a `Result` of a stream, not `{Self}`"
)]
pub trait OpenedInfallible<O, P> {
    /// Wraps the observer.
    #[doc(hidden)]
    fn wrap(observer: O) -> P;
}

/// Wraps an observer for a future that may fail and a stream whose items are not `Result`s. Created by [`open_infallible`](crate::Span::open_infallible).
#[derive(Clone, Copy, Debug, Default)]
pub struct InfallibleItems<O>(O);

impl<O> Sealed for InfallibleItems<O> {}

impl<O: Observer> Observer for InfallibleItems<O> {
    type Inner = O;

    fn inner(&mut self) -> &mut O {
        &mut self.0
    }
}

// Both implementations could apply to a `Result` that implements `Stream`. The parameter `P` keeps them apart.
impl<O, St: Stream> OpenedInfallible<O, Infallible<O>> for St {
    fn wrap(observer: O) -> Infallible<O> {
        Infallible(observer)
    }
}

impl<O, St: Stream, E> OpenedInfallible<O, InfallibleItems<O>> for Result<St, E> {
    fn wrap(observer: O) -> InfallibleItems<O> {
        InfallibleItems(observer)
    }
}

impl<St, E, O> Opens<Result<St, E>> for Fallible<O>
where
    St: Stream,
    St::Item: AsResult,
    O: Classify<E>,
    O: Classify<<St::Item as AsResult>::Err>,
    O: Observe<<St::Item as AsResult>::Ok>,
{
    type Stream = St;
    type Err = E;
    type Items = Self;
    type Output = Result<SpanStream<St, Self>, E>;

    fn split(output: Result<St, E>) -> Result<St, E> {
        output
    }

    fn join(opened: Result<SpanStream<St, Self>, E>) -> Self::Output {
        opened
    }

    fn record_err(&self, error: &E, record: &mut Record<'_>) {
        record.record_err(|with_text| self.0.classify(error, with_text));
    }

    fn into_items(self) -> Self {
        self
    }
}

impl<St: Stream, E, O: Classify<E> + Observe<St::Item>> Opens<Result<St, E>> for InfallibleItems<O> {
    type Stream = St;
    type Err = E;
    type Items = Infallible<O>;
    type Output = Result<SpanStream<St, Infallible<O>>, E>;

    fn split(output: Result<St, E>) -> Result<St, E> {
        output
    }

    fn join(opened: Result<SpanStream<St, Infallible<O>>, E>) -> Self::Output {
        opened
    }

    fn record_err(&self, error: &E, record: &mut Record<'_>) {
        record.record_err(|with_text| self.0.classify(error, with_text));
    }

    fn into_items(self) -> Infallible<O> {
        Infallible(self.0)
    }
}

impl<St: Stream, O: Observe<St::Item>> Opens<St> for Infallible<O> {
    type Stream = St;
    type Err = Never;
    type Items = Self;
    type Output = SpanStream<St, Self>;

    fn split(output: St) -> Result<St, Never> {
        Ok(output)
    }

    fn join(opened: Result<SpanStream<St, Self>, Never>) -> Self::Output {
        match opened {
            Ok(stream) => stream,
            Err(never) => match never {},
        }
    }

    fn record_err(&self, never: &Never, _: &mut Record<'_>) {
        match *never {}
    }

    fn into_items(self) -> Self {
        self
    }
}
