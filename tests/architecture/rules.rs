//! The rules of the house. Each looks at one file and says what it breaks.

use crate::source::Source;

/// Looks at one file; one line for each thing that breaks the rule.
pub(crate) type Rule = fn(&Source) -> Vec<String>;

/// From the ground up. A room may know the floors below its own, and itself.
const FLOORS: [&[&str]; 7] = [
    &["event"],
    &["registry"],
    &["context"],
    &["span"],
    &["instrument"],
    &["convention"],
    &["bridge", "testing"],
];

const LONGEST_FILE: usize = 400;
const LONGEST_TEST: usize = 10;

fn breach(source: &Source, index: usize, what: &str) -> String {
    format!("{}:{}: {what}", source.path, source.line(index))
}

/// Breaches of "these words stand at `home` alone", or nowhere at all.
fn only_at(home: Option<&str>, source: &Source, words: &[&str]) -> Vec<String> {
    if home.is_some_and(|home| source.path.starts_with(home)) {
        return Vec::new();
    }
    let found = words.iter().flat_map(|words| source.find(words).map(move |at| (at, words)));
    let place = home.unwrap_or("no file");
    found.map(|(at, words)| breach(source, at, &format!("`{words}` belongs in {place}"))).collect()
}

pub(crate) fn no_unsafe(source: &Source) -> Vec<String> {
    only_at(None, source, &["unsafe"])
}

pub(crate) fn no_exported_macro(source: &Source) -> Vec<String> {
    only_at(None, source, &["macro_export"])
}

pub(crate) fn one_clock(source: &Source) -> Vec<String> {
    only_at(Some("src/event/clock.rs"), source, &["Instant :: now", "SystemTime :: now", ". elapsed ("])
}

pub(crate) fn one_task_local(source: &Source) -> Vec<String> {
    only_at(Some("src/context/"), source, &["task_local"])
}

pub(crate) fn short_files(source: &Source) -> Vec<String> {
    let (path, lines) = (&source.path, source.lines);
    let long = (lines > LONGEST_FILE).then(|| format!("{path}: {lines} lines, over {LONGEST_FILE}"));
    Vec::from_iter(long)
}

/// From the line of `fn` to its closing bracket.
pub(crate) fn short_tests(source: &Source) -> Vec<String> {
    let mut breaches = Vec::new();
    for at in source.find("# [").filter(|at| is_test(source, at + 2)) {
        let first = source.next("fn", at);
        let last = source.closing(source.next("{", first));
        let length = source.line(last) + 1 - source.line(first);
        if length > LONGEST_TEST {
            let what = format!("a test of {length} lines belongs in tests/");
            breaches.push(breach(source, first, &what));
        }
    }
    breaches
}

/// Whether an attribute that begins at `at` is `test` or ends on `::test`.
fn is_test(source: &Source, mut at: usize) -> bool {
    while source.word(at + 1) == "::" {
        at += 2;
    }
    source.word(at) == "test"
}

/// One `cfg(feature = …)` a room, at its `mod` line in `src/bridge/mod.rs`, and no other anywhere.
pub(crate) fn features_only_at_rooms(source: &Source) -> Vec<String> {
    let gates = source.find("feature =").filter(|at| {
        let room = ["pub mod _ ;", "mod _ ;"]
            .map(|room| format!("# [ cfg ( feature = \"\" ) ] {room}"))
            .iter()
            .any(|gated| at.checked_sub(4).is_some_and(|from| source.spells(from, gated)));
        !(room && source.path == "src/bridge/mod.rs")
    });
    let what = "a feature gates a bridge's `mod` line, nothing else";
    gates.map(|at| breach(source, at, what)).collect()
}

/// `lib.rs` declares the rooms from the ground up, and has no logic of its own.
pub(crate) fn lib_lists_the_floors(source: &Source) -> Vec<String> {
    if source.path != "src/lib.rs" {
        return Vec::new();
    }
    let declared = source.find("mod").filter(|at| source.word(at + 2) == ";");
    let rooms: Vec<usize> = declared.collect();
    let floors: Vec<_> = rooms.iter().map(|at| floor(source.word(at + 1))).collect();
    let strangers = rooms.iter().zip(&floors).filter(|(_, floor)| floor.is_none());
    let mut breaches: Vec<String> =
        strangers.map(|(at, _)| breach(source, *at, "a `mod` that is no room of the house")).collect();
    if !floors.is_sorted() {
        breaches.push(breach(source, rooms[0], "`mod` lines out of floor order"));
    }
    let logic = ["fn", "impl", "struct", "enum", "trait", "macro_rules", "static"];
    let found = logic.iter().flat_map(|word| source.find(word));
    breaches.extend(found.map(|at| breach(source, at, "`lib.rs` holds no logic")));
    breaches
}

/// A file imports lower floors and its own room; rooms of one floor do not know each other.
pub(crate) fn imports_go_down(source: &Source) -> Vec<String> {
    if source.path == "src/lib.rs" {
        return Vec::new();
    }
    let module = source.module();
    let Some(own) = module.first().and_then(|room| floor(room)) else {
        return vec![format!("{}: lies in no room of the house", source.path)];
    };
    // A bridge is a room of its own; every other folder is one room whole.
    let room = &module[..module.len().min(if module[0] == "bridge" { 2 } else { 1 })];
    let allowed = |path: &[String]| {
        let lower = path.first().and_then(|room| floor(room)).is_some_and(|to| to < own);
        lower || path.starts_with(room)
    };
    let paths = paths(source, &module).into_iter();
    let climbing = paths.filter(|(_, path)| !allowed(path));
    climbing
        .map(|(at, path)| breach(source, at, &format!("reaches for crate::{}", path.join("::"))))
        .collect()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Every path that begins with `crate`, `super` or `self`, from the crate's root, with its place.
fn paths(source: &Source, file: &[String]) -> Vec<(usize, Vec<String>)> {
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
