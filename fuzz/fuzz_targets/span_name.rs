//! Looks for bytes that break the parser of span names.

#![no_main]

#[path = "../../tests/fuzzed/span_name.rs"]
mod span_name;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| span_name::check(bytes));
