//! Looks for bytes that break the writer of JSON lines.

#![no_main]

#[path = "../../tests/fuzzed/json_lines.rs"]
mod json_lines;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| json_lines::check(bytes));
