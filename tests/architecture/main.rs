//! The architecture: every rule passes on the sources, and refuses a violation that is planted.

mod auto_traits;
mod circles;
mod root;
mod rules;
mod source;

use rules::Rule;
use source::Source;
use std::collections::BTreeSet;
use std::process::Command;

/// The rule passes on every source of the crate.
#[track_caller]
fn holds(rule: Rule) {
    let sources = Source::all_in("src");
    assert!(sources.len() > 10, "the sources were not found");
    let breaches: Vec<String> = sources.iter().flat_map(rule).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

/// The rule finds something in a file at `path` with this `text`.
#[track_caller]
fn refuses(rule: Rule, path: &str, text: &str) {
    let breaches = rule(&Source::new(path, text));
    assert!(!breaches.is_empty(), "not refused: {path}: {text}");
}

#[track_caller]
fn accepts(rule: Rule, path: &str, text: &str) {
    let breaches = rule(&Source::new(path, text));
    assert!(breaches.is_empty(), "refused: {}", breaches.join("\n"));
}

#[test]
fn a_layer_imports_only_lower_layers() {
    let rule = rules::imports_go_down;
    holds(rule);
    for (path, text) in [
        ("src/event/usage.rs", "use crate::registry::Telemetry;"),
        ("src/event/usage.rs", "use super::super::span;"),
        ("src/event/mod.rs", "pub use super::span::Outcome;"),
        ("src/context/mod.rs", "fn f() { crate::span::start::<u8>() }"),
        ("src/span/mod.rs", "use crate::{event::Event, instrument::InSpan};"),
        ("src/span/mod.rs", "use {crate::event::Event, crate::{bridge}};"),
        ("src/span/mod.rs", "use crate::{event::{self as e, name}, testing as t,};"),
        ("src/span/mod.rs", "mod tests { use super::super::testing::Capture; }"),
        ("src/span/mod.rs", "mod a { mod b {} use super::super::testing::Capture; }"),
        ("src/span/mod.rs", "mod a { fn f() {} } use super::testing::Capture;"),
        ("src/convention/mod.rs", "use crate::bridge::otel::Profile;"),
    ] {
        refuses(rule, path, text);
    }
    for (path, text) in [
        ("src/span/active.rs", "use crate::{context::Context, event::{self, Event}};"),
        ("src/span/active.rs", "use super::{Outcome, super::event::Event,};"),
        ("src/span/active.rs", "mod tests { use super::*; use super::super::Outcome; }"),
        ("src/span/mod.rs", "mod active; pub use self::active::Active; pub(crate) fn f() {}"),
        ("src/event/mod.rs", "// crate::span is above\nconst A: &str = \"crate::span::X\";"),
        ("src/event/mod.rs", "const A: &str = r#\"\"crate::span::X\"#; /* /* */ crate::span::X */"),
        ("src/event/mod.rs", "fn f<'a>(a: &'a str) -> char { '\"' } // \" crate::span::X"),
    ] {
        accepts(rule, path, text);
    }
}

#[test]
fn modules_of_the_top_layer_do_not_import_each_other() {
    let rule = rules::imports_go_down;
    for (path, text) in [
        ("src/bridge/console/mod.rs", "use crate::bridge::json_lines::JsonLines;"),
        ("src/bridge/console/mod.rs", "use super::json_lines::JsonLines;"),
        ("src/bridge/console/tree.rs", "use super::super::shared::Queue;"),
        ("src/bridge/console.rs", "use crate::testing::Capture;"),
        ("src/testing/mod.rs", "use crate::bridge::console::Console;"),
    ] {
        refuses(rule, path, text);
    }
    accepts(rule, "src/bridge/console/tree.rs", "use super::Console; use crate::convention::Content;");
    accepts(rule, "src/bridge/console/tree.rs", "use crate::bridge::console::Console;");
    accepts(rule, "src/bridge/mod.rs", "pub mod console; pub use self::console::Console;");
}

#[test]
fn modules_do_not_import_each_other_in_circles() {
    let sources = Source::all_in("src");
    for breaches in [circles::circles(&sources), circles::unused(&sources)] {
        assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    }
    let planted = |texts: &[(&str, &str)]| {
        let sources: Vec<Source> = texts.iter().map(|(path, text)| Source::new(path, text)).collect();
        circles::circles(&sources)
    };
    let (a, b, c) = ("src/event/a.rs", "src/event/b.rs", "src/event/c.rs");
    let straight = [(a, "use super::b::B;"), (b, "use crate::event::c;"), (c, "")];
    assert!(planted(&straight).is_empty());
    let round = [straight[0], straight[1], (c, "fn f() { super::a::g() }")];
    assert_eq!(planted(&round), ["a circle of imports: event::a, event::b, event::c"]);
    let through_the_root =
        [("src/event/mod.rs", "mod a; pub use a::A; pub use self::b::B;"), (a, "use super::B;")];
    let through_the_root = [through_the_root[0], through_the_root[1], (b, "use super::a::A;")];
    assert_eq!(planted(&through_the_root).len(), 1);
}

#[test]
fn nobody_imports_through_the_root() {
    let rule = rules::imports_go_down;
    refuses(rule, "src/span/mod.rs", "use crate::Event;");
    refuses(rule, "src/span/mod.rs", "use crate::*;");
    refuses(rule, "src/span/mod.rs", "use super::*;");
    refuses(rule, "src/prelude.rs", "pub const IS_IN_NO_LAYER: () = ();");
}

#[test]
fn lib_lists_the_layers_from_the_lowest_up_and_holds_no_logic() {
    let rule = rules::lib_lists_the_layers;
    holds(rule);
    refuses(rule, "src/lib.rs", "mod event; mod span; mod context;");
    refuses(rule, "src/lib.rs", "mod event; mod helpers;");
    refuses(rule, "src/lib.rs", "mod event; pub fn helper() {}");
    accepts(
        rule,
        "src/lib.rs",
        "mod event; mod span; pub mod bridge; pub mod prelude { pub use crate::span::*; }",
    );
}

#[test]
fn the_root_has_at_most_45_names_and_no_glob() {
    let sources = Source::all_in("src");
    let lib = sources.iter().find(|source| source.path == "src/lib.rs").expect("the crate has a root");
    let names = root::root_names(lib);
    assert!(names.len() <= 45, "{} names at the root: {names:?}", names.len());
    assert!(
        names.iter().any(|name| name == "Span") && names.iter().any(|name| name == "testing"),
        "{names:?}"
    );
    assert!(!names.contains(&"*".to_owned()), "a glob hides names: {names:?}");

    let text = "pub mod event; mod span; pub use span::{Span, by_hand::start as begin}; pub use event::*; \
                pub mod prelude { pub use crate::span::Span as _; } pub use context::Context;";
    let counted = root::root_names(&Source::new("src/lib.rs", text));
    assert_eq!(counted, ["event", "Span", "begin", "*", "prelude", "Context"]);
}

#[test]
fn every_public_item_has_one_path() {
    let twice = root::names_with_two_paths(&Source::all_in("src"));
    assert!(twice.is_empty(), "{twice:?} can be reached by two paths");
    let lib = "pub mod event; pub use event::Usage; pub mod prelude { pub use crate::event::Usage; }";
    let sources = [Source::new("src/lib.rs", lib), Source::new("src/event/mod.rs", "pub use usage::Usage;")];
    assert_eq!(root::names_with_two_paths(&sources), ["Usage"]);
    assert!(root::names_with_two_paths(&sources[..1]).is_empty());
}

#[test]
fn no_file_is_over_400_lines() {
    holds(rules::short_files);
    refuses(rules::short_files, "src/span/mod.rs", &"\n".repeat(401));
    accepts(rules::short_files, "src/span/mod.rs", &"\n".repeat(400));
    let tests = Source::all_in("tests").into_iter().chain(Source::all_in("examples"));
    let long: Vec<String> = tests.flat_map(|source| rules::short_files(&source)).collect();
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

#[test]
fn no_macro_is_exported() {
    holds(rules::no_exported_macro);
    refuses(rules::no_exported_macro, "src/event/mod.rs", "#[macro_export] macro_rules! m {}");
}

#[test]
fn a_feature_gates_a_module_at_its_mod_line_and_nothing_else() {
    let rule = rules::features_only_at_mod_lines;
    holds(rule);
    let gated = "#[cfg(feature = \"otel\")] pub mod otel;";
    accepts(rule, "src/bridge/mod.rs", gated);
    accepts(rule, "src/lib.rs", "#![cfg_attr(docsrs, feature(doc_cfg))]");
    refuses(rule, "src/lib.rs", gated);
    for text in [
        "#[cfg(feature = \"otel\")] pub use otel::Otel;",
        "#[cfg(feature = \"otel\")] mod otel { const ITS_BODY_IS_GATED: () = (); }",
        "#[cfg(any(feature = \"otel\", test))] pub mod otel;",
        "#[cfg(feature = \"otel\")] #[cfg(feature = \"metrics\")] pub mod otel;",
        "fn f() -> bool { cfg!(feature = \"otel\") }",
    ] {
        refuses(rule, "src/bridge/mod.rs", text);
    }
}

#[test]
fn the_core_depends_on_six_crates() {
    let core = ["tokio", "futures", "pin-project", "rand", "base64", "dashmap"];
    assert_eq!(dependencies(&cargo_tree()), BTreeSet::from(core.map(str::to_owned)));
    let tree = "allm-telemetry v0.1.0 (/here)\nrand v0.10.0\nserde v1.0.0";
    assert_eq!(dependencies(tree), BTreeSet::from(["rand", "serde"].map(str::to_owned)));
}

/// What the crate itself needs when no feature is on, a line each, its own line first.
fn cargo_tree() -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--no-default-features", "--edges=normal", "--depth=1", "--prefix=none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

fn dependencies(tree: &str) -> BTreeSet<String> {
    let names = tree.lines().skip(1).filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}
