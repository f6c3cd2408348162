//! The public names: how many the crate root has, and that each item has one path.

use crate::source::Source;

/// The modules whose `pub use` lines make up the public paths; `prelude` repeats names by intention.
const PUBLIC: [&str; 3] = ["src/lib.rs", "src/event/mod.rs", "src/convention/mod.rs"];

/// A public name and the inline module that it is in; at the root there is none.
#[derive(Debug, PartialEq)]
pub(crate) struct Public {
    pub(crate) module: Option<String>,
    pub(crate) name: String,
}

/// The names at the crate root: modules, and what `pub use` brings there.
pub(crate) fn root_names(lib: &Source) -> Vec<String> {
    public_names(lib).into_iter().filter(|public| public.module.is_none()).map(|public| public.name).collect()
}

/// The names that have two public paths.
pub(crate) fn names_with_two_paths(sources: &[Source]) -> Vec<String> {
    let public = sources.iter().filter(|source| PUBLIC.contains(&source.path.as_str()));
    let mut names: Vec<String> = public
        .flat_map(public_names)
        .filter(|public| public.module.as_deref() != Some("prelude"))
        .map(|public| public.name)
        .collect();
    names.sort();
    names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect()
}

fn public_names(source: &Source) -> Vec<Public> {
    let mut found = Vec::new();
    let mut module: Option<(String, usize)> = None;
    for at in source.find("pub") {
        if module.as_ref().is_some_and(|(_, end)| *end < at) {
            module = None;
        }
        let inside = module.as_ref().map(|(name, _)| name.clone());
        match source.word(at + 1) {
            "mod" => {
                let name = source.word(at + 2).to_owned();
                if source.word(at + 3) == "{" {
                    module = Some((name.clone(), source.closing(at + 3)));
                }
                found.push(Public { module: inside, name });
            }
            "use" => {
                let names = leaves(source, at + 2, source.next(";", at));
                found.extend(names.map(|name| Public { module: inside.clone(), name }));
            }
            _ => {}
        }
    }
    found
}

/// The last word of each path between two places of a `use`; `*` counts as a name, so that globs are found.
fn leaves(source: &Source, from: usize, to: usize) -> impl Iterator<Item = String> + '_ {
    let ends = move |at: &usize| matches!(source.word(at + 1), "," | "}" | ";");
    let name = |at: &usize| !matches!(source.word(*at), "," | "}" | ";");
    (from..to).filter(ends).filter(name).map(|at| source.word(at).to_owned())
}
