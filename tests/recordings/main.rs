//! Recorded provider traffic through the stream adapter: nothing is changed, and what is told is true.
//!
//! `ALLM_RECORDINGS` names a folder of recorded exchanges. Unset, the tests that need it say so and pass; set,
//! it must have recorded streams in it.

mod anthropic;
mod facts;
mod gemini;
mod openai_chat;
mod openai_responses;
mod recording;
mod told;

use allm_telemetry::testing::Capture;
use allm_telemetry::{Record, Span, event::OwnedEvent, prelude::*};
use eventsource_stream::{Event as Frame, EventStreamError, Eventsource};
use facts::{Facts, Provider};
use futures::{Stream, StreamExt, stream};
use recording::Recording;
use std::convert::Infallible;
use std::path::Path;
use told::Told;

type Item = Result<Frame, EventStreamError<Infallible>>;

/// Sizes of the pieces that arrive: they cut lines, escapes and characters anywhere.
const PIECES: [usize; 3] = [127, 509, 4_093];

#[tokio::test]
async fn every_recorded_stream_passes_unchanged_and_is_told_as_it_was() {
    for recording in recordings() {
        for size in PIECES {
            let plain: Vec<Item> = frames(&recording.body, size).collect().await;
            let (items, stop) = observed(&recording.body, recording.provider, size, usize::MAX).await;
            assert_eq!(items, plain, "{}", recording.id);
            assert_eq!(Told::by(&stop), Told::whole(&recording), "{}", recording.id);
        }
    }
}

#[tokio::test]
async fn a_recorded_stream_that_is_dropped_after_k_chunks_tells_what_it_had_seen() {
    for Recording { id, provider, body, .. } in recordings() {
        let plain: Vec<Item> = frames(&body, 509).collect().await;
        for k in [0, 1, plain.len() / 2, plain.len() - 1, plain.len()] {
            let mut facts = Facts::default();
            plain[..k].iter().flatten().for_each(|frame| facts.hear(provider, &frame.data));
            let (items, stop) = observed(&body, provider, 509, k).await;
            assert_eq!(items, plain[..k], "{id} after {k} chunks");
            assert_eq!(Told::by(&stop), Told::partial(&facts, provider, k), "{id} after {k} chunks");
        }
    }
}

#[tokio::test]
async fn an_error_event_inside_a_200_stream_is_an_error() {
    let object = r#"{"error":{"type":"overloaded","status":"overloaded","message":"later"},"type":"error"}"#;
    let flat = r#"{"type":"error","code":"overloaded","message":"later"}"#;
    let failed = r#"{"type":"response.failed","response":{"error":{"code":"overloaded","message":"later"}}}"#;
    for (provider, frame) in [
        (openai_chat::PROVIDER, object),
        (openai_responses::PROVIDER, object),
        (openai_responses::PROVIDER, flat),
        (openai_responses::PROVIDER, failed),
        (anthropic::PROVIDER, object),
        (gemini::PROVIDER, object),
    ] {
        let body = format!("event: error\ndata: {frame}\n\ndata: [DONE]\n\n");
        let (items, stop) = observed(&body, provider, 61, usize::MAX).await;
        assert!(items.len() == 2 && items.iter().all(Result::is_ok), "the stream itself is sound");
        let error = Facts::of_failure("overloaded", "later");
        assert_eq!(Told::by(&stop), Told::partial(&error, provider, 2), "{frame}");
        let text = stop.as_event().metadata("error").map(|text| text.to_string());
        assert_eq!(text.as_deref(), Some("later"), "{frame}");
    }
}

#[test]
fn a_folder_without_a_recorded_stream_is_refused() {
    let empty = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-recordings");
    std::fs::create_dir_all(&empty).expect("the target folder can be written");
    assert!(Recording::all_in(&empty).is_err());
    assert!(Recording::all_in(&empty.join("missing")).is_err());
    assert!(Recording::all_in(Path::new("")).is_err());
}

/// The recordings that the environment names; none when it names no folder.
fn recordings() -> Vec<Recording> {
    let Some(folder) = std::env::var_os("ALLM_RECORDINGS") else {
        eprintln!("skipped: ALLM_RECORDINGS names no folder of recorded exchanges");
        return Vec::new();
    };
    Recording::all_in(Path::new(&folder)).unwrap_or_else(|error| panic!("ALLM_RECORDINGS: {error}"))
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
async fn observed(body: &str, provider: Provider, size: usize, chunks: usize) -> (Vec<Item>, OwnedEvent) {
    let mut facts = Facts::default();
    let observe = move |frame: &Frame, record: &mut Record<'_>| {
        facts.hear(provider, &frame.data);
        facts.tell(provider, record);
    };
    let capture = Capture::new();
    let read =
        async { frames(body, size).in_span(Span::stream().observe(observe)).take(chunks).collect().await };
    let items = capture.scope(read).await;
    let mut events = capture.events();
    (items, events.pop().expect("the span has ended"))
}
