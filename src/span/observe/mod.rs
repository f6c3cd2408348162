//! Observers: what the user's closures on a span see and record.
//!
//! [`Span<O>`](crate::Span) wraps its observer with each builder call, as iterator adapters do: `Span::generate()` has
//! [`NoObserver`], `.observe(f)` makes [`OnValue<NoObserver, F>`](OnValue), and `.on_end(g)` wraps that in
//! [`OnEnd`]. Each adapter forwards to the one inside, then does its own part, so closures run in the order
//! in which they were given. A wrapper (`in_span`, `in_span_infallible`, `open`) adds [`Fallible`] or [`Infallible`], which
//! says whether an `Err` is an error.

mod describe_by;
mod keep_response;
mod none;
mod on_end;
mod on_value;
mod outcomes;
mod with_input;

use std::any::Any;

pub use describe_by::DescribeBy;
pub use keep_response::KeepResponse;
pub use none::NoObserver;
pub use on_end::OnEnd;
pub use on_value::OnValue;
pub use outcomes::{AsResult, Fallible, Infallible, Outcomes, Seen};
pub use with_input::WithInput;

pub(crate) use sealed::Sealed;

use super::record::Record;
use crate::event::{Failure, Value};

/// Seals the traits of this module: what implements them is made by [`Span`](crate::Span)'s methods.
pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The observer of a span, whatever it wraps. Sealed.
pub trait Observer: sealed::Sealed {
    /// The observer that this one wraps.
    #[doc(hidden)]
    type Inner: Observer;
    /// The observer that this one wraps, to which it forwards by default.
    #[doc(hidden)]
    fn inner(&mut self) -> &mut Self::Inner;
    /// The input of the span, at its start.
    #[doc(hidden)]
    fn input(&mut self) -> Option<Value> {
        self.inner().input()
    }
    /// Called before the end is emitted.
    #[doc(hidden)]
    fn end(&mut self, record: &mut Record<'_>) {
        self.inner().end(record);
    }
}

/// An observer that sees values of type `T`: the `Ok` value of a future, the `Ok` items of a stream. Sealed.
#[diagnostic::on_unimplemented(
    message = "an observer of this span cannot see a `{T}`",
    note = "`observe` and `output` see the `Ok` value of a future and the `Ok` items of a stream; `in_span_infallible` shows them the whole value"
)]
pub trait Observe<T: ?Sized>: Observer {
    /// Looks at a value; returns it if handlers may see it by reference.
    #[doc(hidden)]
    fn value<'v>(&mut self, value: &'v T, record: &mut Record<'_>) -> Option<&'v dyn Any>;
}

/// An observer that describes errors of type `E`. Sealed.
#[diagnostic::on_unimplemented(
    message = "this span cannot describe the error `{E}`",
    note = "implement `Display` for it, or describe it with `.error_with(|error: &{E}| observe::Failure::new(\"class\", \"text\"))`"
)]
pub trait Classify<E: ?Sized>: Observer {
    /// The error's class and, if it is wanted, its text. `None` if it is no error.
    #[doc(hidden)]
    fn classify(&self, error: &E, with_text: bool) -> Option<Failure>;
}
