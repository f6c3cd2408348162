//! Random programs, run by the crate and by a model of it: both must see the same.
//!
//! A [`Program`] is a list of operations: build a span inside another, poll it, let it give chunks, end, fail or panic,
//! drop it, spawn it, move it, let time pass, attach and detach handlers and listeners. The model ([`model`]) says in
//! plain Rust what each of them sees, and which operations mean anything; the rest is passed over, so that a list stays
//! a program whatever is taken out of it. [`real`] does the same with real futures, streams, tasks and handlers. On one thread, with
//! tokio's clock paused, the logs are equal to the last nanosecond; on four, what each task did is.
//!
//! A few hundred programs run with the other tests. The long form:
//!
//! ```sh
//! ALLM_PROGRAMS=100000 cargo test --release --no-default-features --test schedules
//! ```
//!
//! A program that fails is made as short as it gets and printed as Rust: paste it into `regressions.rs`.

mod log;
mod model;
mod plan;
mod program;
mod real;
mod regressions;
mod shrink;
mod strategy;

use std::sync::{Mutex, PoisonError};

use allm_telemetry::{Event, SpanName, Telemetry};
use program::Program;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

/// How many programs run, unless `ALLM_PROGRAMS` says otherwise.
const PROGRAMS: u32 = 200;

/// Whether anybody listens at all is a question to the whole process: one program at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs a program on one thread.
fn run(program: &Program) -> Result<usize, String> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let _bystander = program.bystander.then(bystander);
    let expected = model::run(program);
    log::compare(&expected.log, &real::run(&expected.plan), false)?;
    Ok(expected.effective)
}

/// Runs a program on several threads.
fn run_on_threads(program: &Program) -> Result<usize, String> {
    let program = program.calm();
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let _bystander = program.bystander.then(bystander);
    let expected = model::run(&program);
    log::compare(&expected.log, &real::run_on_threads(&expected.plan), true)?;
    Ok(expected.effective)
}

/// Runs a program that was printed.
#[track_caller]
fn check(program: &Program) {
    run(program).unwrap_or_else(|difference| panic!("{difference}"));
    run_on_threads(program).unwrap_or_else(|difference| panic!("on threads, {difference}"));
}

/// Somebody who listens to everything, on a handle that no program uses.
fn bystander() -> Telemetry {
    let telemetry = Telemetry::new();
    let events = SpanName::ALL.iter().flat_map(|span| span.events());
    telemetry.attach_many("bystander", events, |_: &Event<'_>| {}).expect("a new handle");
    telemetry
}

/// Runs random programs; gives the numbers of their operations that meant something.
fn many(run: impl Fn(&Program) -> Result<usize, String>) -> Vec<usize> {
    let programs = std::env::var("ALLM_PROGRAMS").ok().and_then(|number| number.parse().ok());
    let config = Config {
        cases: programs.unwrap_or(PROGRAMS),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let effective = Mutex::new(Vec::new());
    let ran = TestRunner::new(config).run(&strategy::program(), |program| {
        let number = run(&program).map_err(TestCaseError::fail)?;
        effective.lock().expect("nobody panics with it").push(number);
        Ok(())
    });
    match ran {
        Ok(()) => effective.into_inner().expect("nobody panics with it"),
        Err(TestError::Fail(_, program)) => {
            let program = shrink::shortest(program, |program| run(program).is_err());
            let why = run(&program).err().unwrap_or("it fails by luck only".to_owned());
            let passed = effective.lock().map_or(0, |effective| effective.len());
            panic!("after {passed} programs that passed: {why}\n\n    check(&{program:?});\n")
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

#[test]
fn the_crate_and_the_model_see_the_same() {
    let mut effective = many(run);
    effective.sort_unstable();
    let typical = effective[effective.len() / 2];
    assert!(typical >= 30, "the typical program has only {typical} operations that mean something");
}

#[test]
fn the_crate_and_the_model_see_the_same_on_many_threads() {
    many(|program| match run_on_threads(program) {
        Ok(effective) => Ok(effective),
        Err(difference) => match run(program) {
            Ok(_) => Err(format!("on threads only, {difference}")),
            Err(alone) => Err(format!("on one thread as well, {alone}")),
        },
    });
}
