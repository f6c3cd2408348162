//! Looks for bytes that break the parser of event names.

#![no_main]

#[path = "../../tests/fuzzed/event_name.rs"]
mod event_name;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| event_name::check(bytes));
