//! A process of its own for one test: it runs its program again, for itself alone.
//!
//! For what a process has one of (global handles, providers and subscribers, the panic hook), and for what ends a process.

use std::any::type_name;
use std::process::{Command, Output};

/// Set in the process that runs one test alone.
const ALONE: &str = "ALLM_TEST_ALONE";

/// Calls `body` in a process of its own and returns how that process ended, or nothing inside of it.
///
/// `body` must be a closure of the test itself: the name of its type tells which test to run.
#[track_caller]
pub(crate) fn in_its_own_process<F: FnOnce()>(body: F) -> Option<Output> {
    in_its_own_process_with(&[], body)
}

/// The same, with these environment variables.
#[track_caller]
pub(crate) fn in_its_own_process_with<F: FnOnce()>(variables: &[(&str, &str)], body: F) -> Option<Output> {
    if std::env::var_os(ALONE).is_some() {
        body();
        return None;
    }
    let (_program, closure) = type_name::<F>().split_once("::").expect("a path that begins with the program");
    let test = closure.trim_end_matches("::{{closure}}");
    let program = std::env::current_exe().expect("a test has a program");
    let mut child = Command::new(program);
    child.args([test, "--exact", "--nocapture"]).env(ALONE, "1").envs(variables.iter().copied());
    let output = child.output().expect("the program runs again");
    // A name that matches no test would pass without a test.
    let ran = String::from_utf8_lossy(&output.stdout).contains("running 1 test\n");
    assert!(ran, "no test is called {test}");
    Some(output)
}

/// Calls `body` in a process of its own, which must succeed. See [`in_its_own_process`].
#[track_caller]
pub(crate) fn passes_in_its_own_process<F: FnOnce()>(body: F) {
    if let Some(output) = in_its_own_process(body) {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}\n{err}");
    }
}
