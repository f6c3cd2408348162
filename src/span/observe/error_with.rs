use std::any::Any;

use super::super::record::Record;
use super::sealed::Sealed;
use super::{Classify, Observe, Observer};
use crate::event::{Failure, Value};

/// Made by [`Span::error_with`](crate::Span::error_with): class and text are what the closure returns, for errors that need
/// no `Display`.
#[derive(Clone, Copy, Debug)]
pub struct ErrorWith<O, F> {
    pub(in crate::span) inner: O,
    pub(in crate::span) describe: F,
}

impl<O, F> Sealed for ErrorWith<O, F> {}

impl<O: Observer, F> Observer for ErrorWith<O, F> {
    fn input(&mut self) -> Option<Value> {
        self.inner.input()
    }

    fn end(&mut self, record: &mut Record<'_>) {
        self.inner.end(record);
    }
}

impl<T: ?Sized, O: Observe<T>, F> Observe<T> for ErrorWith<O, F> {
    #[inline]
    fn value<'v>(&mut self, value: &'v T, record: &mut Record<'_>) -> Option<&'v dyn Any> {
        self.inner.value(value, record)
    }
}

impl<E: ?Sized, O: Observer, D: Into<Option<Failure>>, F: Fn(&E) -> D> Classify<E> for ErrorWith<O, F> {
    fn classify(&self, error: &E, with_text: bool) -> Option<Failure> {
        let mut failure = (self.describe)(error).into()?;
        failure.text = failure.text.filter(|_| with_text);
        Some(failure)
    }
}
