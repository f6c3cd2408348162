use std::any::Any;

use super::super::record::Record;
use super::sealed::Sealed;
use super::{Classify, Observe, Observer};
use crate::event::{Failure, Value};

/// Made by [`Span::output`](crate::Span::output).
#[derive(Clone, Copy, Debug)]
pub struct WithOutput<O, F> {
    pub(in crate::span) inner: O,
    pub(in crate::span) output: F,
}

impl<O, F> Sealed for WithOutput<O, F> {}

impl<O: Observer, F> Observer for WithOutput<O, F> {
    fn input(&mut self) -> Option<Value> {
        self.inner.input()
    }

    fn end(&mut self, record: &mut Record<'_>) {
        self.inner.end(record);
    }
}

impl<T: ?Sized, O: Observe<T>, V: Into<Value>, F: FnMut(&T) -> V> Observe<T> for WithOutput<O, F> {
    #[inline]
    fn value<'v>(&mut self, value: &'v T, record: &mut Record<'_>) -> Option<&'v dyn Any> {
        let response = self.inner.value(value, record);
        record.add_output(|| (self.output)(value).into());
        response
    }
}

impl<E: ?Sized, O: Classify<E>, F> Classify<E> for WithOutput<O, F> {
    fn classify(&self, error: &E, with_text: bool) -> Option<Failure> {
        self.inner.classify(error, with_text)
    }
}
