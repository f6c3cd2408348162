//! What must not compile does not, and its twin, which differs in that one thing, does.
//!
//! A case is a folder in `tests/compile_fail/` with a `wrong.rs`, a `right.rs` and, in `wrong.stderr`, what the
//! compiler says. Its words change with the compiler, so they are compared only where `ALLM_COMPILE_MESSAGES` is
//! set, as CI does; `ALLM_COMPILE_MESSAGES=write` stores them anew.

mod harness;

use harness::{Case, Verdict};
use std::collections::BTreeMap;

#[test]
fn what_must_not_compile_does_not_and_its_twin_does() {
    let cases = Case::all();
    assert!(!cases.is_empty(), "the cases were not found");
    let verdicts = harness::compile(&cases);
    let failures: Vec<String> = cases.iter().filter_map(|case| failure(case, &verdicts)).collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// What is not as it must be in a case.
fn failure(case: &Case, verdicts: &BTreeMap<String, Verdict>) -> Option<String> {
    let name = &case.name;
    let right = &verdicts[&case.right()];
    let wrong = &verdicts[&case.wrong()];
    if !right.compiled {
        return Some(format!("{name}/right.rs does not compile:\n{}", right.errors.join("\n")));
    }
    if wrong.compiled || wrong.errors.is_empty() {
        return Some(format!("{name}/wrong.rs compiles"));
    }
    let said = wrong.errors.join("\n");
    match std::env::var("ALLM_COMPILE_MESSAGES").as_deref() {
        Err(_) => None,
        Ok("write") => std::fs::write(case.stored(), said).err().map(|error| error.to_string()),
        Ok(_) => {
            let stored = std::fs::read_to_string(case.stored()).unwrap_or_default();
            let differs = format!("{name}/wrong.stderr says\n{stored}\nthe compiler says\n{said}");
            (stored != said).then_some(differs)
        }
    }
}
