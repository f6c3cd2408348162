//! Recorded provider traffic through the stream adapter: nothing is changed, and what is told is true.
//!
//! `ALLM_RECORDINGS` names folders of recorded exchanges, separated as in `PATH`. Unset, the tests that need it say so and pass;
//! set, each folder must have recorded streams in it.

mod anthropic;
mod bodies;
mod facts;
mod gemini;
mod openai_chat;
mod openai_responses;
mod others;
mod recording;
mod told;
mod usage;

use allm_telemetry::testing::Capture;
use allm_telemetry::{Record, Span, event::OwnedEvent, prelude::*};
use eventsource_stream::{Event as Frame, EventStreamError, Eventsource};
use facts::{Facts, Read};
use futures::{Stream, StreamExt, stream};
use recording::Recording;
use std::convert::Infallible;
use std::path::Path;
use told::Told;
use usage::Counts;

type Item = Result<Frame, EventStreamError<Infallible>>;

/// Sizes of the pieces that arrive: they cut lines, escapes and characters anywhere.
const PIECES: [usize; 3] = [127, 509, 4_093];

#[tokio::test]
async fn every_recorded_stream_passes_unchanged_and_is_told_as_it_was() {
    for recording in recordings() {
        let Some(body) = recording.stream() else { continue };
        for size in PIECES {
            let plain: Vec<Item> = frames(body, size).collect().await;
            let (items, stop) = observed(body, recording.read, size, usize::MAX).await;
            assert_eq!(items, plain, "{}", recording.id);
            let mut told = Told::by(&stop);
            told.usage = recording.comparable(told.usage);
            assert_eq!(told, Told::whole(&recording), "{}", recording.id);
        }
    }
}

#[tokio::test]
async fn a_recorded_stream_that_is_dropped_after_k_chunks_tells_what_it_had_seen() {
    for recording in recordings() {
        let (id, read) = (&recording.id, recording.read);
        let Some(body) = recording.stream() else { continue };
        let plain: Vec<Item> = frames(body, 509).collect().await;
        for k in [0, 1, plain.len() / 2, plain.len() - 1, plain.len()] {
            let mut facts = Facts::default();
            plain[..k].iter().flatten().for_each(|frame| facts.hear(read, &frame.data));
            let (items, stop) = observed(body, read, 509, k).await;
            assert_eq!(items, plain[..k], "{id} after {k} chunks");
            assert_eq!(Told::by(&stop), Told::partial(&facts, k), "{id} after {k} chunks");
        }
    }
}

#[tokio::test]
async fn an_error_event_inside_a_200_stream_is_an_error() {
    let object = r#"{"error":{"type":"overloaded","status":"overloaded","message":"later"},"type":"error"}"#;
    let flat = r#"{"type":"error","code":"overloaded","message":"later"}"#;
    let failed = r#"{"type":"response.failed","response":{"error":{"code":"overloaded","message":"later"}}}"#;
    let cases: [(Read, &str); 6] = [
        (openai_chat::read, object),
        (openai_responses::read, object),
        (openai_responses::read, flat),
        (openai_responses::read, failed),
        (anthropic::read, object),
        (gemini::read, object),
    ];
    for (read, frame) in cases {
        let body = format!("event: error\ndata: {frame}\n\ndata: [DONE]\n\n");
        let (items, stop) = observed(&body, read, 61, usize::MAX).await;
        assert!(items.len() == 2 && items.iter().all(Result::is_ok), "the stream itself is sound");
        let error = Facts::of_failure("overloaded", "later");
        assert_eq!(Told::by(&stop), Told::partial(&error, 2), "{frame}");
        let text = stop.as_event().metadata("error").map(|text| text.to_string());
        assert_eq!(text.as_deref(), Some("later"), "{frame}");
    }
}

#[test]
fn the_usage_of_every_recorded_answer_is_what_it_is_expected_to_be() {
    let recordings = recordings();
    let mut counted = 0;
    for recording in &recordings {
        let usage = recording.usage();
        let counts = recording.comparable(Counts::of(&usage));
        assert_eq!(counts, recording.expected(), "{}: {usage}", recording.id);
        counted += usize::from(recording.expected() != Counts::default());
    }
    println!("{} recordings, {counted} of which report usage", recordings.len());
}

#[test]
fn a_folder_without_a_recorded_stream_is_refused() {
    let empty = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-recordings");
    std::fs::create_dir_all(&empty).expect("the target folder can be written");
    assert!(Recording::all_in(empty.as_os_str()).is_err());
    assert!(Recording::all_in(empty.join("missing").as_os_str()).is_err());
    assert!(Recording::all_in("".as_ref()).is_err());
}

/// The recordings in the folders that the environment names; none when it names no folder.
fn recordings() -> Vec<Recording> {
    let Some(folders) = std::env::var_os("ALLM_RECORDINGS") else {
        eprintln!("skipped: ALLM_RECORDINGS names no folder of recorded exchanges");
        return Vec::new();
    };
    Recording::all_in(&folders).unwrap_or_else(|error| panic!("ALLM_RECORDINGS: {error}"))
}

/// The body as it comes off a socket: in pieces of `size` bytes, each of which has to be waited for.
fn frames(body: &str, size: usize) -> impl Stream<Item = Item> + use<> {
    // Some recordings stop short of their last blank line; one more dispatches nothing else.
    let bytes = [body.as_bytes(), b"\n\n"].concat();
    let pieces: Vec<Vec<u8>> = bytes.chunks(size).map(<[u8]>::to_vec).collect();
    let arriving = stream::iter(pieces).then(|piece| async move {
        tokio::task::yield_now().await;
        Ok(piece)
    });
    arriving.eventsource()
}

/// Reads `chunks` frames inside a span, then lets go of the stream; gives them and the span's end.
async fn observed(body: &str, read: Read, size: usize, chunks: usize) -> (Vec<Item>, OwnedEvent) {
    let mut facts = Facts::default();
    let observe = move |frame: &Frame, record: &mut Record<'_>| {
        facts.hear(read, &frame.data);
        facts.tell(record);
    };
    let capture = Capture::new();
    let reader =
        async { frames(body, size).in_span(Span::stream().observe(observe)).take(chunks).collect().await };
    let items = capture.scope(reader).await;
    let mut events = capture.events();
    (items, events.pop().expect("the span has ended"))
}
