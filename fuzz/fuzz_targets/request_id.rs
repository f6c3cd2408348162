//! Looks for bytes that break the parser of request ids.

#![no_main]

#[path = "../../tests/fuzzed/request_id.rs"]
mod request_id;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| request_id::check(bytes));
