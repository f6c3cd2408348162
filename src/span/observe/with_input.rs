use std::any::Any;

use super::super::record::Record;
use super::sealed::Sealed;
use super::{Classify, Observe, Observer};
use crate::event::{Failure, Value};

/// Returned by [`Span::input`](crate::Span::input).
#[derive(Clone, Copy, Debug)]
pub struct WithInput<O, F> {
    pub(in crate::span) inner: O,
    pub(in crate::span) input: Option<F>,
}

impl<O, F> Sealed for WithInput<O, F> {}

impl<O: Observer, V: Into<Value>, F: FnOnce() -> V> Observer for WithInput<O, F> {
    type Inner = O;

    fn inner(&mut self) -> &mut O {
        &mut self.inner
    }

    // Does not forward: the last closure replaces earlier ones.
    fn input(&mut self) -> Option<Value> {
        self.input.take().map(|input| input().into())
    }
}

impl<T: ?Sized, O: Observe<T>, V: Into<Value>, F: FnOnce() -> V> Observe<T> for WithInput<O, F> {
    #[inline]
    fn value<'v>(&mut self, value: &'v T, record: &mut Record<'_>) -> Option<&'v dyn Any> {
        self.inner.value(value, record)
    }
}

impl<E: ?Sized, O: Classify<E>, V: Into<Value>, F: FnOnce() -> V> Classify<E> for WithInput<O, F> {
    fn classify(&self, error: &E, with_text: bool) -> Option<Failure> {
        self.inner.classify(error, with_text)
    }
}
