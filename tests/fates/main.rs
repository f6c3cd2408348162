//! Every fate in every setting: one table, and for each of its cells one start, one end, and what really happened.
//!
//! `cargo test --test fates -- --nocapture` prints how many cells ran, and which rule excluded how many.

mod settings;
mod specimen;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod verdict;

use std::panic::{AssertUnwindSafe, catch_unwind};

use table::{Cell, RULES, SETTINGS, Setting};

/// Lives every cell of a setting; tells of all that fail, by name.
fn every_fate_in(setting: Setting) {
    let cells: Vec<Cell> =
        table::all().filter(|cell| cell.setting == setting && cell.excluded_by().is_none()).collect();
    let mut failed = Vec::new();
    for cell in &cells {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| verdict::live_and_judge(*cell))) {
            let why = payload.downcast::<String>().map_or("no text".to_owned(), |text| *text);
            failed.push(format!("{cell:?}: {why}"));
        }
    }
    println!("{setting:?}: {} cells ran, each for handlers, for a listener and for nobody", cells.len());
    assert!(failed.is_empty(), "{} of {} cells failed:\n{}", failed.len(), cells.len(), failed.join("\n"));
}

#[test]
fn every_fate_on_a_current_thread_runtime() {
    every_fate_in(Setting::CurrentThread);
}

#[test]
fn every_fate_on_a_multi_thread_runtime() {
    every_fate_in(Setting::MultiThread);
}

#[test]
fn every_fate_in_a_local_set() {
    every_fate_in(Setting::LocalSet);
}

#[test]
fn every_fate_in_blocking_work() {
    every_fate_in(Setting::SpawnBlocking);
}

#[test]
fn every_fate_on_a_foreign_executor() {
    every_fate_in(Setting::LocalPool);
}

#[test]
fn every_fate_without_a_runtime() {
    every_fate_in(Setting::NoRuntime);
}

#[test]
fn the_table_has_not_shrunk() {
    let mut excluded = [0; RULES.len()];
    let all = table::all().count();
    table::all().filter_map(|cell| cell.excluded_by()).for_each(|rule| excluded[rule] += 1);
    let ran = all - excluded.iter().sum::<usize>();
    println!("{ran} of {all} cells exist in {} settings; the others:", SETTINGS.len());
    for (rule, count) in RULES.iter().zip(excluded) {
        println!("{count:5}  {}", rule.why);
    }
    assert_eq!((all, ran), (3402, 825));
}
