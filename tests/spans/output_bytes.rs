//! Output that arrives as bytes: a character may be split over two chunks.

use crate::support::*;
use allm_telemetry::{SpanName, prelude::*, testing::Capture};
use futures::{FutureExt as _, StreamExt as _, stream};
use proptest::prelude::*;

/// The output of a stream of which each chunk is appended as bytes.
fn joined(chunks: Vec<Vec<u8>>) -> String {
    let capture = Capture::new();
    capture.run(|| {
        let span = Span::stream().observe(|chunk: &Vec<u8>, record| record.push_output_bytes(|| chunk));
        stream::iter(chunks).in_span_infallible(span).count().now_or_never().unwrap();
    });
    text(&end_of(&capture, SpanName::Stream), "output")
}

#[test]
fn a_character_that_is_split_over_two_chunks_is_one_character() {
    assert_eq!(joined(vec![vec![0xe5], vec![0xa5, 0xbd]]), "好");
    assert_eq!(joined(vec![b"a\xf0\x9f".to_vec(), b"\xa6".to_vec(), vec![], b"\x80b".to_vec()]), "a🦀b");
}

#[test]
fn what_is_no_character_is_the_replacement_character() {
    assert_eq!(joined(vec![b"a\xe5".to_vec()]), "a\u{fffd}");
    assert_eq!(joined(vec![b"a\xe5".to_vec(), b"b".to_vec()]), "a\u{fffd}b");
    assert_eq!(joined(vec![vec![0xff], vec![0xbd]]), "\u{fffd}\u{fffd}");
}

#[test]
fn a_text_ends_the_bytes_before_it_and_an_output_replaces_them() {
    let capture = Capture::new();
    capture.run(|| {
        let mut span = Span::generate().start();
        span.record(|record| {
            record.push_output_bytes(|| [0xe5]);
            record.push_output(|| "x");
            record.push_output_bytes(|| [0xa5, 0xbd, 0xe5]);
        });
        span.complete();
        let mut span = Span::chat().start();
        span.record(|record| {
            record.push_output_bytes(|| [0xe5]);
            record.output(|| "whole");
        });
        span.complete();
    });
    assert_eq!(text(&end_of(&capture, SpanName::Generate), "output"), "\u{fffd}x\u{fffd}\u{fffd}\u{fffd}");
    assert_eq!(text(&end_of(&capture, SpanName::Chat), "output"), "whole");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Characters of one to four bytes, bytes that are none, and cuts anywhere.
    #[test]
    fn bytes_that_are_cut_anywhere_are_the_text_of_all_bytes(
        pieces in prop::collection::vec(prop_oneof![
            "[a-zß好🦀]{0,4}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..4),
        ], 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = pieces.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
        cuts.extend([0, whole.len()]);
        cuts.sort_unstable();
        let chunks: Vec<Vec<u8>> = cuts.windows(2).map(|cut| whole[cut[0]..cut[1]].to_vec()).collect();
        prop_assert_eq!(joined(chunks), String::from_utf8_lossy(&whole));
    }
}
