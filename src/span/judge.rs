use std::convert::Infallible;

use super::classify::Classify;
use crate::event::Key;

/// A value that says whether it is an error: a `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a `Result`, so `in_span` cannot tell whether it is an error",
    label = "not a `Result`",
    note = "use `in_span_infallible` (or `open_infallible`) for what cannot fail: it looks at nothing and reports `completed`"
)]
pub trait Fallible {
    /// The value of a success.
    type Ok;
    /// The value of a failure.
    type Err;
    /// The value, borrowed.
    #[doc(hidden)]
    fn as_result(&self) -> Result<&Self::Ok, &Self::Err>;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn as_result(&self) -> Result<&T, &E> {
        self.as_ref()
    }
}

/// Tells the good values of a wrapped future or stream from the bad: [`Plain`] or [`Trying`].
pub trait Judge<T> {
    /// What observers see.
    type Good;
    /// What ends a span as an error.
    type Bad;
    /// Which of both it is.
    #[doc(hidden)]
    fn judge<'t>(&self, value: &'t T) -> Result<&'t Self::Good, &'t Self::Bad>;
    /// What is told of a bad one.
    #[doc(hidden)]
    fn describe(&self, bad: &Self::Bad, with_text: bool) -> Fault;
}

/// Every value is good, a `Result` too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

/// An `Err` is bad, and described by `K`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trying<K>(pub(crate) K);

impl<T> Judge<T> for Plain {
    type Good = T;
    type Bad = Infallible;

    #[inline]
    fn judge<'t>(&self, value: &'t T) -> Result<&'t T, &'t Infallible> {
        Ok(value)
    }

    fn describe(&self, bad: &Infallible, _: bool) -> Fault {
        match *bad {}
    }
}

impl<T: Fallible, K: Classify<T::Err>> Judge<T> for Trying<K> {
    type Good = T::Ok;
    type Bad = T::Err;

    #[inline]
    fn judge<'t>(&self, value: &'t T) -> Result<&'t T::Ok, &'t T::Err> {
        value.as_result()
    }

    fn describe(&self, bad: &T::Err, with_text: bool) -> Fault {
        self.0.describe(bad, with_text)
    }
}

/// What a span tells of an error.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Fault {
    pub(crate) error_type: Key,
    /// `None` when nobody may have it.
    pub(crate) text: Option<Key>,
}
