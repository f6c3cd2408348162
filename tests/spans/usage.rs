//! Usage: tokens that are known, each with its part beside it.

use allm_telemetry::{
    Usage,
    event::{Metadata, Value},
};

#[test]
fn a_count_that_was_not_told_is_unknown_and_never_0() {
    let usage = Usage::new().input(0);
    assert_eq!((usage.input_tokens(), usage.output_tokens()), (Some(0), None));
    assert_eq!(
        [usage.cached_tokens(), usage.cache_write_tokens(), usage.reasoning_tokens()],
        [None, None, None]
    );
}

#[test]
fn usage_given_twice_merges_field_by_field_and_the_last_value_wins() {
    let mut usage = Usage::new().input(100).output(1).cached(40);
    usage.merge(&Usage::new().output(25).reasoning(9));
    assert_eq!(usage, Usage::new().input(100).output(25).cached(40).reasoning(9));
    usage.merge(&Usage::new());
    assert_eq!(usage.output_tokens(), Some(25));
    usage.merge(&Usage::new().output(0));
    assert_eq!(usage.output_tokens(), Some(0));
}

#[test]
fn cached_tokens_that_are_reported_apart_are_counted_into_the_input() {
    let usage = Usage::cache_excluded(200, Some(1_000), Some(30)).output(80);
    assert_eq!(usage.input_tokens(), Some(1_230));
    assert_eq!((usage.cached_tokens(), usage.cache_write_tokens()), (Some(1_000), Some(30)));
    assert_eq!(Usage::cache_excluded(200, None::<u64>, None::<u64>), Usage::new().input(200));
}

#[test]
fn reasoning_tokens_that_are_reported_apart_are_counted_into_the_output() {
    let usage = Usage::reasoning_excluded(16, Some(64));
    assert_eq!((usage.output_tokens(), usage.reasoning_tokens()), (Some(80), Some(64)));
    assert_eq!(Usage::reasoning_excluded(16, None::<u64>), Usage::new().output(16));
}

#[test]
fn counts_that_are_too_large_are_cut_and_do_not_panic() {
    assert_eq!(Usage::cache_excluded(u64::MAX, Some(1_u64), None::<u64>).input_tokens(), Some(u64::MAX));
    assert_eq!(Usage::reasoning_excluded(u64::MAX, Some(1)).output_tokens(), Some(u64::MAX));
}

#[test]
fn usage_is_a_map_of_five_counts_in_events() {
    let usage = Usage::new().input(3).reasoning(1);
    let map = Metadata::new()
        .with("input_tokens", 3_u64)
        .with("output_tokens", Value::Null)
        .with("cached_tokens", Value::Null)
        .with("cache_write_tokens", Value::Null)
        .with("reasoning_tokens", 1_u64);
    assert_eq!(Value::from(&usage), map.into());
}
