//! Spans: one start, one end, and what they report, for every kind of wrapped work.

mod clock;
mod closures_and_manual_spans;
mod content_free_chunks;
mod ends_of_spans;
mod errors;
mod finished_answers;
mod observers;
mod opening_streams;
mod optional_results;
mod output_bytes;
mod retries;
mod sizes;
mod spans_of_futures;
mod spans_of_streams;
mod start_keys;
mod stream_measurements;
#[path = "../support/mod.rs"]
mod support;
mod the_contract_in_code;
mod tokens_counted_once;
mod usage;
mod usage_frames;
