//! The rules that clippy cannot check (`clippy.toml` has the others). Each reads one file and says what breaks it.

use crate::source::Source;

/// Looks at one file; one line for each thing that breaks the rule.
pub(crate) type Rule = fn(&Source) -> Vec<String>;

/// From the lowest up. A module may import from the layers below its own, and from itself.
const LAYERS: [&[&str]; 8] = [
    &["event"],
    &["registry"],
    &["context"],
    &["span"],
    &["instrument"],
    &["convention"],
    &["bridge", "testing"],
    &["start"],
];

const LONGEST_FILE: usize = 400;

fn breach(source: &Source, index: usize, what: &str) -> String {
    format!("{}:{}: {what}", source.path, source.line(index))
}

pub(crate) fn no_exported_macro(source: &Source) -> Vec<String> {
    source.find("macro_export").map(|at| breach(source, at, "no macro is exported")).collect()
}

pub(crate) fn short_files(source: &Source) -> Vec<String> {
    let (path, lines) = (&source.path, source.lines);
    let long = (lines > LONGEST_FILE).then(|| format!("{path}: {lines} lines, over {LONGEST_FILE}"));
    Vec::from_iter(long)
}

/// One `cfg(feature = …)` for each module that needs one, at its `mod` line in a `mod.rs`, and no other anywhere.
pub(crate) fn features_only_at_mod_lines(source: &Source) -> Vec<String> {
    let gates = source.find("feature =").filter(|at| {
        let module = ["pub mod _ ;", "mod _ ;"]
            .map(|line| format!("# [ cfg ( feature = \"\" ) ] {line}"))
            .iter()
            .any(|gated| at.checked_sub(4).is_some_and(|from| source.spells(from, gated)));
        !(module && source.path.ends_with("/mod.rs"))
    });
    let what = "a feature gates a `mod` line of a `mod.rs`, nothing else";
    gates.map(|at| breach(source, at, what)).collect()
}

/// `lib.rs` declares the modules from the lowest layer up, and has no logic of its own.
pub(crate) fn lib_lists_the_layers(source: &Source) -> Vec<String> {
    if source.path != "src/lib.rs" {
        return Vec::new();
    }
    let declared = source.find("mod").filter(|at| source.word(at + 2) == ";");
    let modules: Vec<usize> = declared.collect();
    let layers: Vec<_> = modules.iter().map(|at| layer(source.word(at + 1))).collect();
    let strangers = modules.iter().zip(&layers).filter(|(_, layer)| layer.is_none());
    let mut breaches: Vec<String> =
        strangers.map(|(at, _)| breach(source, *at, "a `mod` that is in no layer")).collect();
    if !layers.is_sorted() {
        breaches.push(breach(source, modules[0], "`mod` lines out of the layers' order"));
    }
    let logic = ["fn", "impl", "struct", "enum", "trait", "macro_rules", "static"];
    let found = logic.iter().flat_map(|word| source.find(word));
    breaches.extend(found.map(|at| breach(source, at, "`lib.rs` holds no logic")));
    breaches
}

/// A file imports from lower layers and from its own module; modules of one layer do not import each other.
pub(crate) fn imports_go_down(source: &Source) -> Vec<String> {
    if source.path == "src/lib.rs" {
        return Vec::new();
    }
    let module = source.module();
    let Some(own) = module.first().and_then(|first| layer(first)) else {
        return vec![format!("{}: is in no layer", source.path)];
    };
    // Each bridge is a module of its own; otherwise a folder of `src` is one module.
    let whole = &module[..module.len().min(if module[0] == "bridge" { 2 } else { 1 })];
    let allowed = |path: &[String]| {
        let lower = path.first().and_then(|first| layer(first)).is_some_and(|to| to < own);
        lower || path.starts_with(whole)
    };
    let paths = paths(source, &module).into_iter();
    let climbing = paths.filter(|(_, path)| !allowed(path));
    climbing.map(|(at, path)| breach(source, at, &format!("imports crate::{}", path.join("::")))).collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// Every path that begins with `crate`, `super` or `self`, from the crate's root, with its place.
pub(crate) fn paths(source: &Source, file: &[String]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut depth = 0;
    let mut inline: Vec<(usize, String)> = Vec::new();
    for at in 0..source.words.len() {
        let begins = source.word(at + 1) == "::" && source.word(at.wrapping_sub(1)) != "::";
        match source.word(at) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.retain(|(opened_at, _)| *opened_at < depth + 1);
            }
            "mod" if source.word(at + 2) == "{" => {
                inline.push((depth + 1, source.word(at + 1).to_owned()));
            }
            "crate" | "super" | "self" if begins => {
                let inner = inline.iter().map(|(_, name)| name.clone());
                let here = file.iter().cloned().chain(inner).collect();
                expand(source, at, here, &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Follows one path from `at`, into every branch of its groups; gives the place behind it.
fn expand(
    source: &Source,
    mut at: usize,
    mut path: Vec<String>,
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let begun = at;
    loop {
        match source.word(at) {
            "crate" => path.clear(),
            "self" => {}
            "super" => drop(path.pop()),
            "{" => {
                let end = source.closing(at);
                while at < end {
                    at = expand(source, at + 1, path.clone(), found);
                    // Behind a branch may stand `as name`.
                    at += (at..end).take_while(|i| source.word(*i) != ",").count();
                }
                return end + 1;
            }
            "}" => return at, // a trailing comma opened no branch
            part => path.push(part.to_owned()),
        }
        at += 1;
        if source.word(at) != "::" {
            found.push((begun, path));
            return at;
        }
        at += 1;
    }
}
