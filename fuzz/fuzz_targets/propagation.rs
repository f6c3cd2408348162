//! Looks for bytes that break the reader of headers from other processes.

#![no_main]

#[path = "../../tests/fuzzed/propagation.rs"]
mod propagation;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| propagation::check(bytes));
