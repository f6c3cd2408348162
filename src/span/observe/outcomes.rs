use std::any::Any;

use super::super::record::Record;
use super::sealed::Sealed;
use super::{Classify, Observe, Observer};

/// A `Result`. A trait, so that compiler messages can suggest `in_span_infallible` for other types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Result`, so `in_span` cannot tell whether it is an error",
    label = "not a `Result`",
    note = "use `in_span_infallible` (or `open_infallible`) for a value that is not a `Result`: it reports `completed` unless an observer records an error"
)]
pub trait AsResult {
    /// The type of the value of a success.
    type Ok;
    /// The type of the error.
    type Err;
    /// Borrows it as a `Result` of references.
    #[doc(hidden)]
    fn as_result(&self) -> Result<&Self::Ok, &Self::Err>;
}

impl<T, E> AsResult for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn as_result(&self) -> Result<&T, &E> {
        self.as_ref()
    }
}

/// Decides which values of type `V` are errors, and observes the others: [`Fallible`] or [`Infallible`]. Sealed.
pub trait Outcomes<V>: Observer {
    /// Observes a value, or records an error.
    #[doc(hidden)]
    fn see<'v>(&mut self, value: &'v V, record: &mut Record<'_>) -> Seen<'v>;
}

/// The result of observing an output or an item.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Seen<'v> {
    /// A success.
    Value {
        /// The value, if the span makes it available to handlers.
        response: Option<&'v dyn Any>,
    },
    /// An `Err`.
    Err,
}

/// Wraps an observer so that an `Err` is recorded as an error. Created by `in_span` and [`open`](crate::Span::open).
#[derive(Clone, Copy, Debug, Default)]
pub struct Fallible<O>(pub(crate) O);

/// Wraps an observer so that every value is a success, even an `Err`. Created by `in_span_infallible` and
/// [`open_infallible`](crate::Span::open_infallible).
#[derive(Clone, Copy, Debug, Default)]
pub struct Infallible<O>(pub(crate) O);

impl<O> Sealed for Fallible<O> {}
impl<O> Sealed for Infallible<O> {}

impl<O: Observer> Observer for Fallible<O> {
    type Inner = O;

    fn inner(&mut self) -> &mut O {
        &mut self.0
    }
}

impl<O: Observer> Observer for Infallible<O> {
    type Inner = O;

    fn inner(&mut self) -> &mut O {
        &mut self.0
    }
}

impl<V: AsResult, O: Observe<V::Ok> + Classify<V::Err>> Outcomes<V> for Fallible<O> {
    #[inline]
    fn see<'v>(&mut self, value: &'v V, record: &mut Record<'_>) -> Seen<'v> {
        match value.as_result() {
            Ok(value) => Seen::Value { response: self.0.value(value, record) },
            Err(error) => {
                record.record_err(|with_text| self.0.classify(error, with_text));
                Seen::Err
            }
        }
    }
}

impl<V, O: Observe<V>> Outcomes<V> for Infallible<O> {
    #[inline]
    fn see<'v>(&mut self, value: &'v V, record: &mut Record<'_>) -> Seen<'v> {
        Seen::Value { response: self.0.value(value, record) }
    }
}
