//! Compiles all cases with one call of cargo: as examples of a package that has this crate's own manifest, so
//! that every dependency is the one that `cargo test` has just built.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A folder in `tests/compile_fail/`.
pub(crate) struct Case {
    pub(crate) name: String,
    folder: PathBuf,
}

/// What the compiler made of one file.
#[derive(Default)]
pub(crate) struct Verdict {
    pub(crate) compiled: bool,
    pub(crate) errors: Vec<String>,
}

impl Case {
    /// Every case, by name.
    pub(crate) fn all() -> Vec<Self> {
        let entries = Path::new(ROOT).join("tests/compile_fail").read_dir().expect("the cases can be read");
        let folders = entries.map(|entry| entry.expect("a case can be read").path());
        let cases = folders.filter(|path| path.is_dir()).map(|folder| {
            let name = folder.file_name().expect("a case has a name").to_string_lossy().into_owned();
            Self { name, folder }
        });
        let mut cases: Vec<Self> = cases.collect();
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        cases
    }

    pub(crate) fn right(&self) -> String {
        format!("{}-right", self.name)
    }

    pub(crate) fn wrong(&self) -> String {
        format!("{}-wrong", self.name)
    }

    pub(crate) fn stored(&self) -> PathBuf {
        self.folder.join("wrong.stderr")
    }

    /// Copies the case into `package`, for what the compiler says about a long path depends on its length, and
    /// gives its two targets: libraries, so that nothing is linked.
    fn add_to(&self, package: &Path) -> String {
        let target = |name: String, file: &str| {
            let copy = package.join(&name).with_extension("rs");
            std::fs::copy(self.folder.join(file), copy).expect("a case has both files");
            format!("[[example]]\nname = \"{name}\"\npath = \"{name}.rs\"\ncrate-type = [\"lib\"]\n")
        };
        target(self.right(), "right.rs") + &target(self.wrong(), "wrong.rs")
    }
}

/// The verdict on each file of the cases, by the name of its target.
pub(crate) fn compile(cases: &[Case]) -> BTreeMap<String, Verdict> {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let package = scratch.join("compile_fail");
    std::fs::create_dir_all(&package).expect("the target folder can be written");
    let targets: String = cases.iter().map(|case| case.add_to(&package)).collect();
    std::fs::write(package.join("Cargo.toml"), manifest() + &targets).expect("the manifest can be written");
    std::fs::copy(Path::new(ROOT).join("Cargo.lock"), package.join("Cargo.lock"))
        .expect("cargo wrote a lock");
    let output = cargo()
        // Without features: what the bridges need may not have been fetched.
        .args(["build", "--examples", "--no-default-features", "--keep-going", "--offline"])
        .arg("--message-format=json")
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", scratch.parent().expect("lies in the target folder"))
        .output()
        .expect("cargo runs");
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut verdicts = BTreeMap::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let target = message["target"]["name"].as_str().unwrap_or_default().to_owned();
        let verdict: &mut Verdict = verdicts.entry(target).or_default();
        verdict.compiled |= message["reason"] == "compiler-artifact";
        verdict.errors.extend(error(&message["message"]));
    }
    let judged = |case: &Case| [case.right(), case.wrong()].iter().all(|name| verdicts.contains_key(name));
    assert!(cases.iter().all(judged), "{}", String::from_utf8_lossy(&output.stderr));
    verdicts
}

/// Cargo as from a shell: what it tells a test about its package, build scripts would take for news and run again.
fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let of_package =
            ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|of| name.to_string_lossy().starts_with(of));
        if of_package {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// This crate's manifest, without its other targets and its lints. The package has a name
/// of its own: under the same one, cargo would take its builds for those of the crate and build both anew each time.
fn manifest() -> String {
    let own = std::fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).expect("the manifest can be read");
    let mut manifest = String::new();
    let mut kept = false;
    for line in own.lines() {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let needed = ["package", "features", "dependencies", "dev-dependencies"];
            kept = needed.contains(&section) || section.starts_with("profile");
        }
        if kept {
            let own_name = line.starts_with("name = ");
            let line = if own_name { "name = \"compile-fail-cases\"" } else { line };
            writeln!(manifest, "{line}").expect("a String takes all");
        }
    }
    let name = env!("CARGO_PKG_NAME").replace('-', "_");
    let lib = Path::new(ROOT).join("src/lib.rs");
    format!("{manifest}\n[workspace]\n\n[lib]\nname = \"{name}\"\npath = {lib:?}\n\n")
}

/// An error's words without its places in the sources, so that a moved line changes nothing.
fn error(message: &Value) -> Option<String> {
    let code = message["code"]["code"].as_str().map_or(String::new(), |code| format!("[{code}]"));
    let summary = message["message"].as_str()?;
    if message["level"] != "error" || summary.starts_with("aborting due to") {
        return None;
    }
    let mut text = format!("error{code}: {summary}\n");
    let each = |value: &'static str, from: &Value| from[value].as_array().cloned().unwrap_or_default();
    for span in each("spans", message) {
        if let Some(label) = span["label"].as_str() {
            writeln!(text, "  | {label}").expect("a String takes all");
        }
    }
    for child in each("children", message) {
        let (level, words) = (child["level"].as_str()?, child["message"].as_str()?);
        // Where a long type was written to, a path that differs every time.
        if !words.contains("full") || !words.contains("type") {
            writeln!(text, "  = {level}: {words}").expect("a String takes all");
        }
    }
    Some(text)
}
