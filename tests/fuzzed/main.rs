//! What is read from outside, and what is written for others to read, holds for any bytes.
//!
//! The crate parses four things: names of spans, names of events, request ids, headers of other processes. It reads no JSON;
//! it writes it. Each file
//! beside this one is a property; `fuzz/` looks for bytes that break it, and `inputs/` keeps those worth keeping: what
//! covers the code, and all that once failed. Here they are run without a fuzzer.
#![cfg(feature = "json-lines")]

mod event_name;
mod json_lines;
mod propagation;
mod request_id;
mod span_name;

use std::path::Path;

/// Runs a property on its kept inputs.
#[track_caller]
fn holds_for_the_kept(inputs: &str, property: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzzed/inputs").join(inputs);
    let files = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let inputs: Vec<_> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(inputs.len() >= 5, "the inputs were not found");
    inputs.iter().for_each(|input| property(input));
    // The shortest one, and one that is longer than any.
    property(&[]);
    property(&[b'a'; 1_000]);
}

#[test]
fn a_span_name_is_one_of_the_catalogue_or_an_error_that_lists_them() {
    holds_for_the_kept("span_name", span_name::check);
}

#[test]
fn an_event_name_is_a_path_of_segments_or_an_error_that_says_why() {
    holds_for_the_kept("event_name", event_name::check);
}

#[test]
fn a_request_id_is_what_an_http_header_can_carry_or_an_error_that_says_where() {
    holds_for_the_kept("request_id", request_id::check);
}

#[test]
fn headers_of_any_text_are_read_without_an_error_and_what_is_sent_on_is_well_formed() {
    holds_for_the_kept("propagation", propagation::check);
}

#[test]
fn any_event_is_one_line_of_json_that_says_the_same() {
    holds_for_the_kept("json_lines", json_lines::check);
}
