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
    class_of(name)
}

/// What is declared in a method of a trait is named after both: `<Type as Trait>::method::Error`.
fn class_of(mut name: &'static str) -> &'static str {
    while name.starts_with('<') {
        let Some(end) = end_of_brackets(name) else { return OTHER };
        name = name[end..].trim_start_matches("::");
    }
    match name.split('<').next() {
        None | Some("") => OTHER,
        Some(class) => class,
    }
}

/// Behind the bracket that closes the first one.
fn end_of_brackets(name: &str) -> Option<usize> {
    let mut depth = 0;
    let mut before = ' ';
    for (place, it) in name.char_indices() {
        match it {
            '<' => depth += 1,
            // Not the arrow of a function's type.
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(place + 1);
        }
        before = it;
    }
    None
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

#[cfg(test)]
mod tests {
    use super::class_of;

    #[test]
    fn a_class_is_the_path_of_a_type_without_generics() {
        assert_eq!(class_of("std::io::error::Error"), "std::io::error::Error");
        assert_eq!(class_of("svc::Failed<svc::Kind<u8>>"), "svc::Failed");
        assert_eq!(class_of("<svc::A as svc::Call>::call::Failed"), "call::Failed");
        assert_eq!(class_of("<svc::A<fn() -> svc::B> as svc::Call<u8>>::call::Failed<u8>"), "call::Failed");
        assert_eq!(class_of("<broken"), "_OTHER");
        assert_eq!(class_of("<svc::A>"), "_OTHER");
    }
}
