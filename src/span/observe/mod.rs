//! Observers: user closures that receive values of the wrapped code and record data on its span.
//!
//! [`Span<O>`](crate::Span) wraps its observer with each builder call, as iterator adapters do: `Span::generate()` has
//! [`NoObserver`], `.observe(f)` turns it into [`OnValue<NoObserver, F>`](OnValue), and `.on_end(g)` wraps that in
//! [`OnEnd`]. Each adapter first forwards to the inner one, so closures run in the order in which they were added. A wrapper
//! (`in_span`, `in_span_infallible`, `open`) adds [`Fallible`] or [`Infallible`], which determines whether an `Err` is an
//! error.

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

/// Seals the traits of this module. Only types returned by the methods of [`Span`](crate::Span) implement them.
pub(crate) mod sealed {
    pub trait Sealed {}
}

/// The observer of a span, whatever it wraps. Sealed.
pub trait Observer: sealed::Sealed {
    /// The type of the observer that this one wraps.
    #[doc(hidden)]
    type Inner: Observer;
    /// Returns the observer that this one wraps. The default methods forward to it.
    #[doc(hidden)]
    fn inner(&mut self) -> &mut Self::Inner;
    /// Returns the input of the span. Called once, at its start.
    #[doc(hidden)]
    fn input(&mut self) -> Option<Value> {
        self.inner().input()
    }
    /// Calls the `on_end` closures. Called once, before the end event is emitted.
    #[doc(hidden)]
    fn end(&mut self, record: &mut Record<'_>) {
        self.inner().end(record);
    }
}

/// An observer that receives values of type `T`: the `Ok` value of a future or the `Ok` items of a stream. Sealed.
#[diagnostic::on_unimplemented(
    message = "an observer of this span cannot see a `{T}`",
    note = "`observe` and `output` see the `Ok` value of a future and the `Ok` items of a stream; `in_span_infallible` shows them the whole value"
)]
pub trait Observe<T: ?Sized>: Observer {
    /// Observes a value. Returns it if the span makes it available to handlers, see `keep_response`.
    #[doc(hidden)]
    fn value<'v>(&mut self, value: &'v T, record: &mut Record<'_>) -> Option<&'v dyn Any>;
}

/// An observer that describes errors of type `E`. Sealed.
#[diagnostic::on_unimplemented(
    message = "this span cannot describe the error `{E}`",
    note = "implement `Display` for it, or describe it with `.error_with(|error: &{E}| observe::Failure::new(\"class\", \"text\"))`"
)]
pub trait Classify<E: ?Sized>: Observer {
    /// Returns the class of the error and, if needed, its text. Returns `None` if the `Err` is not an error.
    #[doc(hidden)]
    fn classify(&self, error: &E, with_text: bool) -> Option<Failure>;
}
