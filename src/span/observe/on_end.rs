use std::any::Any;

use super::super::record::Record;
use super::sealed::Sealed;
use super::{Classify, Observe, Observer};
use crate::event::Failure;

/// Returned by [`Span::on_end`](crate::Span::on_end).
#[derive(Clone, Copy, Debug)]
pub struct OnEnd<O, F> {
    pub(in crate::span) inner: O,
    pub(in crate::span) on_end: Option<F>,
}

impl<O, F> Sealed for OnEnd<O, F> {}

impl<O: Observer, F: FnOnce(&mut Record<'_>)> Observer for OnEnd<O, F> {
    type Inner = O;

    fn inner(&mut self) -> &mut O {
        &mut self.inner
    }

    fn end(&mut self, record: &mut Record<'_>) {
        self.inner.end(record);
        if let Some(on_end) = self.on_end.take() {
            record.call("on_end", on_end);
        }
    }
}

impl<T: ?Sized, O: Observe<T>, F: FnOnce(&mut Record<'_>)> Observe<T> for OnEnd<O, F> {
    #[inline]
    fn value<'v>(&mut self, value: &'v T, record: &mut Record<'_>) -> Option<&'v dyn Any> {
        self.inner.value(value, record)
    }
}

impl<E: ?Sized, O: Classify<E>, F: FnOnce(&mut Record<'_>)> Classify<E> for OnEnd<O, F> {
    fn classify(&self, error: &E, with_text: bool) -> Option<Failure> {
        self.inner.classify(error, with_text)
    }
}
