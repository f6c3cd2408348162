use std::any::Any;
use std::fmt::Display;

use super::super::error_class::type_class;
use super::super::record::Record;
use super::sealed::Sealed;
use super::{Classify, Observe, Observer};
use crate::event::{Failure, Value};

/// The observer of a new [`Span`](crate::Span). The class of an error is [the name of its type](crate::Span::error_type), and its
/// text is its alternate `Display`, `{:#}`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Sealed for NoObserver {}

// The end of the chain of observers: every method is implemented, so none of them forwards.
impl Observer for NoObserver {
    type Inner = Self;

    fn inner(&mut self) -> &mut Self {
        self
    }

    fn input(&mut self) -> Option<Value> {
        None
    }

    fn end(&mut self, _: &mut Record<'_>) {}
}

impl<T: ?Sized> Observe<T> for NoObserver {
    #[inline]
    fn value<'v>(&mut self, _: &'v T, _: &mut Record<'_>) -> Option<&'v dyn Any> {
        None
    }
}

// Otherwise the compiler reports the missing `Display` instead of the message of `Classify`.
#[diagnostic::do_not_recommend]
impl<E: Display + ?Sized> Classify<E> for NoObserver {
    fn classify(&self, error: &E, with_text: bool) -> Option<Failure> {
        let text = with_text.then(|| format!("{error:#}").into());
        Some(Failure { error_type: type_class::<E>(), text, stacktrace: None })
    }
}
