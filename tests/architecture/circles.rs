//! Modules that import each other in circles.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::paths;
use crate::source::Source;

/// Imports that may close a circle, with the reason: the first module imports the second.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("event::view", "event::owned", "`Event::to_owned` makes an `OwnedEvent`, which lends an `Event`"),
    ("event::known_event", "event::event_name", "the events of a span are listed by their names"),
    ("event::known_event", "event::span_name", "a known event is a span and a phase"),
    ("event::value", "event::fields", "a value may be a map of values"),
    ("event::value", "event::json", "a value is displayed as JSON"),
    (
        "context::handle",
        "context::current",
        "`Context::current` and `run` read and enter the current context",
    ),
    ("context::handle", "context::carried", "`Context::scope` makes an `InContext`"),
    ("context::node", "context::counting", "a node counts its tokens by the nodes around it"),
    // To be removed.
    ("convention::attribute", "convention::reading", "`seconds` is in the wrong module"),
    ("convention::rule", "convention::group", "a rule may be a group of rules"),
    ("convention::rule", "convention::instrument", "rules of measurements name their instruments"),
];

type Module = Vec<String>;

/// Each group of modules that import each other in a circle, named.
pub(crate) fn circles(sources: &[Source]) -> Vec<String> {
    let imports = imports(sources);
    let mut grouped = BTreeSet::new();
    let mut circles = Vec::new();
    for module in imports.keys() {
        let circle: BTreeSet<_> = reachable(&imports, module)
            .into_iter()
            .filter(|other| reachable(&imports, other).contains(module))
            .collect();
        if !circle.is_empty() && !grouped.contains(module) {
            let names: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
            circles.push(format!("a circle of imports: {}", names.join(", ")));
            grouped.extend(circle);
        }
    }
    circles
}

/// What each module imports, without what `ALLOWED` allows. The imports of a `mod.rs` are re-exports and do not count; an
/// import of what it re-exports counts as one of the module where that is.
fn imports(sources: &[Source]) -> BTreeMap<Module, BTreeSet<Module>> {
    let is_mod = |source: &&Source| source.path.ends_with("/mod.rs");
    let roots = sources.iter().filter(is_mod).map(|source| (source.module(), source));
    let roots: BTreeMap<Module, &Source> = roots.collect();
    let files: BTreeSet<Module> = sources.iter().map(Source::module).collect();
    let resolve = |path: &[String]| -> Option<Module> {
        let module =
            (1..=path.len()).rev().map(|length| path[..length].to_vec()).find(|it| files.contains(it))?;
        let Some(root) = roots.get(&module) else { return Some(module) };
        let name = path.get(module.len())?;
        let exported = paths(root, &module).into_iter().map(|(_, path)| path);
        let origin =
            exported.into_iter().find(|path| path.last() == Some(name) && path.len() > module.len() + 1)?;
        Some(origin[..origin.len() - 1].to_vec())
    };
    let mut imports = BTreeMap::new();
    for source in sources.iter().filter(|source| !is_mod(source)) {
        let module = source.module();
        let imported = paths(source, &module).into_iter().filter_map(|(_, path)| resolve(&path));
        let counts = |other: &Module| {
            let (from, to) = (module.join("::"), other.join("::"));
            *other != module && !ALLOWED.iter().any(|(a, b, _)| (*a, *b) == (&*from, &*to))
        };
        imports.insert(module.clone(), imported.filter(counts).collect());
    }
    imports
}

/// The modules that this one imports, and those that they import, and so on. Itself too, if it is in a circle.
fn reachable(imports: &BTreeMap<Module, BTreeSet<Module>>, module: &Module) -> BTreeSet<Module> {
    let mut found = BTreeSet::new();
    let mut open = vec![module.clone()];
    while let Some(next) = open.pop() {
        for imported in imports.get(&next).into_iter().flatten() {
            if found.insert(imported.clone()) {
                open.push(imported.clone());
            }
        }
    }
    found
}
