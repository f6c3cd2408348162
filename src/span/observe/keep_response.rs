use std::any::Any;

use super::super::record::Record;
use super::sealed::Sealed;
use super::{Classify, Observe, Observer};
use crate::event::Failure;

/// Returned by [`Span::keep_response`](crate::Span::keep_response).
#[derive(Clone, Copy, Debug)]
pub struct KeepResponse<O> {
    pub(in crate::span) inner: O,
}

impl<O> Sealed for KeepResponse<O> {}

impl<O: Observer> Observer for KeepResponse<O> {
    type Inner = O;

    fn inner(&mut self) -> &mut O {
        &mut self.inner
    }
}

impl<T: 'static, O: Observe<T>> Observe<T> for KeepResponse<O> {
    #[inline]
    fn value<'v>(&mut self, value: &'v T, record: &mut Record<'_>) -> Option<&'v dyn Any> {
        // Its result is ignored: inner adapters return `None` unless this one was applied twice.
        self.inner.value(value, record);
        Some(value)
    }
}

impl<E: ?Sized, O: Classify<E>> Classify<E> for KeepResponse<O> {
    fn classify(&self, error: &E, with_text: bool) -> Option<Failure> {
        self.inner.classify(error, with_text)
    }
}
