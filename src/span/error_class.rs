//! The default class of an error: the name of its type.

use std::any::type_name;

/// The fallback class that OpenTelemetry defines for `error.type`.
pub(super) const OTHER: &str = "_OTHER";

/// Returns the name of an error's type without its generics, or [`OTHER`] for a boxed error.
pub(super) fn type_class<E: ?Sized>() -> &'static str {
    let name = type_name::<E>();
    // The type of a boxed error says nothing about the error inside.
    if name.contains("dyn ") || name.starts_with("alloc::boxed::Box<") {
        return OTHER;
    }
    class_of(name)
}

/// Removes generics from the name of a type. A type that is declared inside a method of a trait is named
/// `<Type as Trait>::method::Error`, of which the part in brackets is removed too.
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

/// Returns the index after the bracket that closes the first one.
fn end_of_brackets(name: &str) -> Option<usize> {
    let mut depth = 0;
    let mut before = ' ';
    for (index, char) in name.char_indices() {
        match char {
            '<' => depth += 1,
            // Not the arrow in the type of a function.
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index + 1);
        }
        before = char;
    }
    None
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
