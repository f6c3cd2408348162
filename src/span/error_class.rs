//! The default class of an error, computed from the name of its type.
//!
//! [`type_name`] returns the path by which the compiler knows the type, such as `std::io::error::Error`. Its modules are often
//! private, and differ from the path that a user writes. So the class is the last segment alone, `OpenAIError`, unless that is
//! just `Error`. Then it is preceded by the crate, `reqwest::Error`, and in the standard library by the first module, which is
//! always public: `io::Error`. Generics are removed.

use std::any::type_name;

use crate::event::Key;

/// The fallback class that OpenTelemetry defines for `error.type`.
pub(super) const OTHER: &str = "_OTHER";

const STANDARD_LIBRARY: [&str; 3] = ["alloc", "core", "std"];

/// Types that say nothing about the error inside, by crate and name.
const BOXES: [(&str, &str); 6] = [
    ("alloc", "Arc"),
    ("alloc", "Box"),
    ("alloc", "Rc"),
    ("anyhow", "Error"),
    ("eyre", "Report"),
    ("miette", "Report"),
];

/// Returns the class of an error of this type, or [`OTHER`] for a boxed error.
pub(super) fn type_class<E: ?Sized>() -> Key {
    class_of(type_name::<E>())
}

fn class_of(type_name: &'static str) -> Key {
    let type_name = without_references(type_name);
    // Trait objects, tuples, arrays and pointers have no path.
    let path = || Some((crate_of(type_name), segments(type_name)?));
    let Some((of_crate, segments)) = path() else { return OTHER.into() };
    let name = segments.last().copied().filter(|name| is_identifier(name)).unwrap_or(OTHER);
    let qualifier = match of_crate {
        Some(of_crate) if BOXES.contains(&(of_crate, name)) => return OTHER.into(),
        // The type may be declared in the root of the crate, so that the second segment is its name.
        Some(of_crate) if STANDARD_LIBRARY.contains(&of_crate) => {
            segments.get(1).copied().filter(|_| segments.len() > 2)
        }
        of_crate => of_crate,
    };
    match qualifier {
        Some(qualifier) if name == "Error" => format!("{qualifier}::{name}").into(),
        _ => name.into(),
    }
}

fn without_references(mut type_name: &'static str) -> &'static str {
    while let Some(target) = type_name.strip_prefix('&') {
        type_name = target.strip_prefix("mut ").unwrap_or(target);
    }
    type_name
}

/// Returns the crate of the first path in the name. The name of a type that is declared inside a method of a trait begins with
/// brackets: `<crate::Type as crate::Trait>::method::Error`.
fn crate_of(type_name: &'static str) -> Option<&'static str> {
    let (of_crate, _) = type_name.trim_start_matches('<').split_once("::")?;
    is_identifier(of_crate).then_some(of_crate)
}

/// Returns the segments of the path, without what is in angle brackets.
fn segments(type_name: &'static str) -> Option<Vec<&'static str>> {
    let mut segments = Vec::new();
    let (mut depth, mut begin, mut before) = (0_usize, 0, ' ');
    for (index, char) in type_name.char_indices() {
        match char {
            '<' => {
                if depth == 0 {
                    segments.push(&type_name[begin..index]);
                }
                depth += 1;
            }
            // Not the arrow in the type of a function.
            '>' if before != '-' => {
                depth = depth.checked_sub(1)?;
                begin = index + 1;
            }
            ':' if depth == 0 => {
                segments.push(&type_name[begin..index]);
                begin = index + 1;
            }
            // As in `dyn Trait`, `(A, B)` and `*const T`.
            _ if depth == 0 && !is_in_path(char) => return None,
            _ => {}
        }
        before = char;
    }
    segments.push(&type_name[begin..]);
    segments.retain(|segment| !segment.is_empty());
    (depth == 0 && !segments.is_empty()).then_some(segments)
}

/// Returns whether a path may contain it: an identifier, or a name that the compiler made up, such as `{{closure}}`.
fn is_in_path(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '{' | '}' | '#')
}

fn is_identifier(text: &str) -> bool {
    let is_start = |char: char| char == '_' || char.is_alphabetic();
    text.starts_with(is_start) && text.chars().all(|char| char == '_' || char.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::class_of;

    #[test]
    fn a_class_is_the_name_of_the_type_and_error_is_preceded_by_its_crate() {
        for (type_name, class) in [
            ("std::io::error::Error", "io::Error"),
            ("core::fmt::Error", "fmt::Error"),
            ("core::num::error::ParseIntError", "ParseIntError"),
            ("alloc::string::String", "String"),
            ("std::Error", "Error"),
            ("reqwest::error::Error", "reqwest::Error"),
            ("serde_json::error::Error", "serde_json::Error"),
            ("hyper_util::client::legacy::client::Error", "hyper_util::Error"),
            ("async_openai::error::OpenAIError", "OpenAIError"),
            ("tokio::time::error::Elapsed", "Elapsed"),
            ("genai::Error", "genai::Error"),
            ("svc::Failed<svc::Kind<u8>>", "Failed"),
            ("svc::Error<svc::Kind<fn(u8) -> svc::B>>", "svc::Error"),
            ("svc::run::{{closure}}::Error", "svc::Error"),
            ("<svc::A as svc::Call>::call::Failed", "Failed"),
            ("<svc::A as svc::Call>::call::Error", "svc::Error"),
            ("<svc::A<fn() -> svc::B> as svc::Call<u8>>::call::Error<u8>", "svc::Error"),
            ("svc::net::<impl svc::net::Client>::call::Error", "svc::Error"),
            ("<u8 as svc::Call>::call::Error", "Error"),
            ("&std::io::error::Error", "io::Error"),
            ("&mut &svc::Failed", "Failed"),
            ("&str", "str"),
        ] {
            assert_eq!(class_of(type_name), class, "{type_name}");
        }
    }

    #[test]
    fn a_box_has_the_class_other_whatever_is_inside() {
        for type_name in [
            "dyn core::error::Error",
            "&dyn core::error::Error + core::marker::Send",
            "alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>",
            "alloc::boxed::Box<std::io::error::Error>",
            "alloc::sync::Arc<dyn core::error::Error>",
            "alloc::rc::Rc<svc::Failed>",
            "anyhow::Error",
            "eyre::Report",
            "miette::eyreish::Report",
            "(svc::Failed, u8)",
            "[svc::Failed; 2]",
            "fn(svc::Failed) -> u8",
            "*const u8",
            "svc::run::{{closure}}",
            "<broken",
            "broken>",
            "<svc::A>",
            "",
        ] {
            assert_eq!(class_of(type_name), "_OTHER", "{type_name}");
        }
    }

    /// The name of a type as the compiler writes it: a path with generics, or declared inside a method.
    fn any_name() -> impl Strategy<Value = String> {
        let segment = || prop_oneof![2 => "[a-z_][a-z0-9_]{0,5}", 1 => Just("private".to_owned()), 1 => Just("{{closure}}".to_owned())];
        let path = (
            "k[a-z0-9_]{1,5}",
            prop::collection::vec(segment(), 0..4),
            prop_oneof![Just("Error".to_owned()), "[A-Z][A-Za-z]{1,8}"],
        )
            .prop_map(|(of_crate, modules, name)| [vec![of_crate], modules, vec![name]].concat().join("::"));
        path.prop_recursive(3, 12, 3, move |inner| {
            prop_oneof![
                (inner.clone(), prop::collection::vec(inner.clone(), 1..3))
                    .prop_map(|(path, generics)| format!("{path}<{}>", generics.join(", "))),
                (inner.clone(), inner.clone(), segment(), "[A-Z][a-z]{1,5}").prop_map(
                    |(on, of_trait, method, name)| format!("<{on} as {of_trait}>::{method}::{name}")
                ),
                inner.prop_map(|path| format!("&{path}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_class_has_neither_brackets_nor_modules(type_name in any_name()) {
            let type_name: &'static str = type_name.leak();
            let class = class_of(type_name);
            prop_assert!(!class.is_empty());
            prop_assert!(class.chars().all(|char| char == '_' || char == ':' || char.is_alphanumeric()), "{class}");
            let (qualifier, name) = class.split_once("::").map_or((None, &*class), |(it, name)| (Some(it), name));
            prop_assert!(!name.contains(':'), "{class}");
            // At most the crate, with which one of the paths begins.
            if let Some(qualifier) = qualifier {
                prop_assert_eq!(name, "Error");
                prop_assert!(type_name.trim_start_matches(['<', '&']).starts_with(&format!("{qualifier}::")), "{class}");
            }
            prop_assert!(type_name.contains(name), "{class}");
        }
    }
}
