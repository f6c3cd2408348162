use std::any::Any;

use super::super::record::Record;
use super::sealed::Sealed;
use super::{Classify, Observe, Observer};
use crate::event::Failure;

/// Returned by [`Span::observe`](crate::Span::observe).
#[derive(Clone, Copy, Debug)]
pub struct OnValue<O, F> {
    pub(in crate::span) inner: O,
    pub(in crate::span) observe: F,
}

impl<O, F> Sealed for OnValue<O, F> {}

impl<O: Observer, F> Observer for OnValue<O, F> {
    type Inner = O;

    fn inner(&mut self) -> &mut O {
        &mut self.inner
    }
}

impl<T: ?Sized, O: Observe<T>, F: FnMut(&T, &mut Record<'_>)> Observe<T> for OnValue<O, F> {
    #[inline]
    fn value<'v>(&mut self, value: &'v T, record: &mut Record<'_>) -> Option<&'v dyn Any> {
        // First the closures that were added before this one.
        let response = self.inner.value(value, record);
        record.observe("observe", |record| (self.observe)(value, record));
        response
    }
}

impl<E: ?Sized, O: Classify<E>, F> Classify<E> for OnValue<O, F> {
    fn classify(&self, error: &E, with_text: bool) -> Option<Failure> {
        self.inner.classify(error, with_text)
    }
}
