//! Modules that import each other in circles.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::paths;
use crate::source::Source;

/// Imports that may close a circle, with the reason: the first module imports the second. These pairs are one idea each,
/// in two files.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("event::view", "event::owned", "`Event::to_owned` makes an `OwnedEvent`, which lends an `Event`"),
    ("event::known_event", "event::event_name", "the events of a span are listed by their names"),
    ("event::known_event", "event::span_name", "a known event is a span and a phase"),
    ("event::value", "event::fields", "a value may be a map of values"),
    ("event::value", "event::json", "a value is displayed as JSON"),
    ("context::node", "context::counting", "a node counts its tokens by the nodes around it"),
];

type Module = Vec<String>;

/// Each group of modules that import each other in a circle, named.
pub(crate) fn circles(sources: &[Source]) -> Vec<String> {
    let mut imports = imports(sources);
    for (module, imported) in &mut imports {
        imported.retain(|other| !allowed().any(|pair| pair == (module.clone(), other.clone())));
    }
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

/// Each allowed import that is not there any more.
pub(crate) fn unused(sources: &[Source]) -> Vec<String> {
    let imports = imports(sources);
    let is_unused = |(from, to): &(Module, Module)| !imports.get(from).is_some_and(|all| all.contains(to));
    let unused = allowed().filter(is_unused);
    unused.map(|(from, to)| format!("{} does not import {}", from.join("::"), to.join("::"))).collect()
}

fn allowed() -> impl Iterator<Item = (Module, Module)> {
    let module = |path: &str| path.split("::").map(str::to_owned).collect();
    ALLOWED.iter().map(move |(from, to, _reason)| (module(from), module(to)))
}

/// What each module imports. The imports of a `mod.rs` are re-exports and do not count; an
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
        imports.insert(module.clone(), imported.filter(|other| *other != module).collect());
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
