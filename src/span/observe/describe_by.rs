use std::any::Any;

use super::super::record::Record;
use super::sealed::Sealed;
use super::{Classify, Observe, Observer};
use crate::event::Failure;

/// Returned by [`Span::error_type`](crate::Span::error_type) and [`Span::error_with`](crate::Span::error_with).
#[derive(Clone, Copy, Debug)]
pub struct DescribeBy<O, F> {
    pub(in crate::span) inner: O,
    pub(in crate::span) describe: F,
}

impl<O, F> Sealed for DescribeBy<O, F> {}

impl<O: Observer, F> Observer for DescribeBy<O, F> {
    type Inner = O;

    fn inner(&mut self) -> &mut O {
        &mut self.inner
    }
}

impl<T: ?Sized, O: Observe<T>, F> Observe<T> for DescribeBy<O, F> {
    #[inline]
    fn value<'v>(&mut self, value: &'v T, record: &mut Record<'_>) -> Option<&'v dyn Any> {
        self.inner.value(value, record)
    }
}

impl<E: ?Sized, O: Observer, F: Fn(&E, bool) -> Option<Failure>> Classify<E> for DescribeBy<O, F> {
    // Does not forward: it replaces the inner classification, so `E` need not implement `Display`.
    fn classify(&self, error: &E, with_text: bool) -> Option<Failure> {
        (self.describe)(error, with_text)
    }
}
