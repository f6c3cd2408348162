use std::any::Any;
use std::fmt::Display;

use super::super::record::Record;
use super::sealed::Sealed;
use super::{Classify, Observe, Observer};
use crate::event::{Failure, Key, Value};

/// Made by [`Span::error_type`](crate::Span::error_type): the class is what the closure returns, the text the error's `Display`.
#[derive(Clone, Copy, Debug)]
pub struct ClassifyBy<O, F> {
    pub(in crate::span) inner: O,
    pub(in crate::span) class: F,
}

impl<O, F> Sealed for ClassifyBy<O, F> {}

impl<O: Observer, F> Observer for ClassifyBy<O, F> {
    fn input(&mut self) -> Option<Value> {
        self.inner.input()
    }

    fn end(&mut self, record: &mut Record<'_>) {
        self.inner.end(record);
    }
}

impl<T: ?Sized, O: Observe<T>, F> Observe<T> for ClassifyBy<O, F> {
    #[inline]
    fn value<'v>(&mut self, value: &'v T, record: &mut Record<'_>) -> Option<&'v dyn Any> {
        self.inner.value(value, record)
    }
}

impl<E: Display + ?Sized, O: Observer, K: Into<Key>, F: Fn(&E) -> K> Classify<E> for ClassifyBy<O, F> {
    fn classify(&self, error: &E, with_text: bool) -> Option<Failure> {
        let text = with_text.then(|| error.to_string().into());
        Some(Failure { error_type: (self.class)(error).into(), text, stacktrace: None })
    }
}
