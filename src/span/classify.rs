use std::any::type_name;
use std::fmt;

use super::judge::Fault;
use crate::event::Key;

/// How a span describes an error of type `E`.
pub trait Classify<E: ?Sized> {
    /// The error's class and, if somebody may have it, its text.
    #[doc(hidden)]
    fn describe(&self, error: &E, with_text: bool) -> Fault;
}

/// An error's class and text, for [`Span::error_with`](crate::Span::error_with).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorInfo {
    error_type: Key,
    text: Key,
}

impl ErrorInfo {
    /// `error_type` is one of few values, such as `rate_limited`. `text` is content: no bridge sends it unless told to.
    pub fn new(error_type: impl Into<Key>, text: impl Into<Key>) -> Self {
        Self { error_type: error_type.into(), text: text.into() }
    }
}

/// The default: the class is the name of the error's type, the text its `Display`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByDisplay;

/// Made by [`Span::error_type`](crate::Span::error_type): the class is what the closure says.
#[derive(Clone, Copy)]
pub struct Typed<F>(pub(super) F);

/// Made by [`Span::error_with`](crate::Span::error_with): class and text are what the closure says.
#[derive(Clone, Copy)]
pub struct Described<F>(pub(super) F);

impl<E: fmt::Display + ?Sized> Classify<E> for ByDisplay {
    fn describe(&self, error: &E, with_text: bool) -> Fault {
        Fault { error_type: type_class::<E>().into(), text: with_text.then(|| error.to_string().into()) }
    }
}

impl<E: fmt::Display + ?Sized, T: Into<Key>, F: Fn(&E) -> T> Classify<E> for Typed<F> {
    fn describe(&self, error: &E, with_text: bool) -> Fault {
        Fault { error_type: (self.0)(error).into(), text: with_text.then(|| error.to_string().into()) }
    }
}

impl<E: ?Sized, F: Fn(&E) -> ErrorInfo> Classify<E> for Described<F> {
    fn describe(&self, error: &E, with_text: bool) -> Fault {
        let info = (self.0)(error);
        Fault { error_type: info.error_type, text: with_text.then_some(info.text) }
    }
}

/// The class of errors that have no better one, as OpenTelemetry calls it.
pub(super) const OTHER: &str = "_OTHER";

/// The name of an error's type without its generics; a boxed error has none worth telling.
pub(super) fn type_class<E: ?Sized>() -> &'static str {
    let name = type_name::<E>();
    if name.contains("dyn ") || name.starts_with("alloc::boxed::Box<") {
        return OTHER;
    }
    name.split('<').next().unwrap_or(OTHER)
}

impl<F> fmt::Debug for Typed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed")
    }
}

impl<F> fmt::Debug for Described<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Described")
    }
}
