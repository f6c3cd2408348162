//! What wearing a span adds to a future and a stream: it is moved, nested and kept by the thousand.

use std::future::ready;
use std::mem::size_of_val;

use allm_telemetry::prelude::*;
use futures::stream;

/// Prints and bounds how many bytes the wrapped one has more than the bare.
fn adds<B, W>(what: &str, bare: &B, wrapped: &W, at_most: usize) {
    let more = size_of_val(wrapped) - size_of_val(bare);
    println!("{what}: {more} bytes, at most {at_most}");
    assert!(more <= at_most, "{what} adds {more} bytes, more than {at_most}");
}

fn one() -> std::future::Ready<Result<u64, std::fmt::Error>> {
    ready(Ok(1))
}

fn many() -> stream::Iter<std::array::IntoIter<Result<u64, std::fmt::Error>, 1>> {
    stream::iter([Ok(1)])
}

#[test]
fn a_span_adds_little_to_what_it_wraps() {
    adds("a future", &one(), &one().in_span(Span::generate().model("gpt-5")), 96);
    adds("a plain future", &one(), &one().in_span_infallible(Span::generate()), 96);
    adds("a stream", &many(), &many().in_span(Span::stream().model("gpt-5")), 48);
    adds("an opening stream", &ready(many()), &Span::stream().open_infallible(ready(many())), 96);
    adds("a carried future", &one(), &one().in_current_context(), 24);
}

#[test]
fn observers_add_what_they_capture() {
    let observer = |_: &u64, record: &mut Record<'_>| record.usage(Usage::new().output(1));
    let without = many().in_span(Span::stream());
    let with = many().in_span(Span::stream().observe(observer));
    assert_eq!(size_of_val(&without), size_of_val(&with));
}

#[test]
fn the_start_keys_of_a_span_are_not_carried_by_the_future() {
    let bare = one().in_span(Span::generate());
    let told =
        one().in_span(Span::generate().engine("openai").model("gpt-5").temperature(0.2).metadata("k", "v"));
    assert_eq!(size_of_val(&bare), size_of_val(&told));
}
