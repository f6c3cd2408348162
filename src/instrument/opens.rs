use std::convert::Infallible as Never;

use futures::Stream;

use super::stream::SpanStream;
use crate::span::Record;
use crate::span::observe::{AsResult, Classify, Fallible, Infallible, Observe, Observer, Outcomes, Sealed};

/// Decides which outputs of a future that opens a stream are errors: [`Fallible`], [`Infallible`] or
/// [`InfallibleItems`]. Sealed.
pub trait Opens<V>: Observer + Sized {
    /// The stream in a success.
    type Stream: Stream;
    /// The failure.
    type Err;
    /// The form for the stream's items.
    type Items: Outcomes<<Self::Stream as Stream>::Item>;
    /// The output with the stream in its span.
    type Output;
    /// The stream, or why there is none.
    #[doc(hidden)]
    fn split(output: V) -> Result<Self::Stream, Self::Err>;
    /// The output.
    #[doc(hidden)]
    fn join(opened: Result<SpanStream<Self::Stream, Self::Items>, Self::Err>) -> Self::Output;
    /// Records the failure.
    #[doc(hidden)]
    fn see_err(&self, error: &Self::Err, record: &mut Record<'_>);
    /// The observer of the items.
    #[doc(hidden)]
    fn items(self) -> Self::Items;
}

/// What [`open_infallible`](crate::Span::open_infallible) takes: a stream, or a `Result` of one. `P` is the form that it gives
/// to an observer `O`.
#[diagnostic::on_unimplemented(
    message = "`open_infallible` opens a stream, or a `Result` of one, not a `{Self}`"
)]
pub trait OpenedInfallible<O, P> {
    /// The observer in its form.
    #[doc(hidden)]
    fn form(observer: O) -> P;
}

/// The form in which the opening may fail and the items cannot: made by [`open_infallible`](crate::Span::open_infallible).
#[derive(Clone, Copy, Debug, Default)]
pub struct InfallibleItems<O>(O);

impl<O> Sealed for InfallibleItems<O> {}

impl<O: Observer> Observer for InfallibleItems<O> {
    type Inner = O;

    fn inner(&mut self) -> &mut O {
        &mut self.0
    }
}

impl<O, St: Stream> OpenedInfallible<O, Infallible<O>> for St {
    fn form(observer: O) -> Infallible<O> {
        Infallible(observer)
    }
}

impl<O, St: Stream, E> OpenedInfallible<O, InfallibleItems<O>> for Result<St, E> {
    fn form(observer: O) -> InfallibleItems<O> {
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

    fn see_err(&self, error: &E, record: &mut Record<'_>) {
        record.failed(|with_text| self.0.classify(error, with_text));
    }

    fn items(self) -> Self {
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

    fn see_err(&self, error: &E, record: &mut Record<'_>) {
        record.failed(|with_text| self.0.classify(error, with_text));
    }

    fn items(self) -> Infallible<O> {
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

    fn see_err(&self, never: &Never, _: &mut Record<'_>) {
        match *never {}
    }

    fn items(self) -> Self {
        self
    }
}
