//! What the behaviour tests share.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use allm_telemetry::{
    Event, Span, SpanName, current_request_id,
    event::{ImageOperation, OwnedEvent, Phase, Value},
    testing::Capture,
};
use futures::{Stream, StreamExt as _, stream};
use tokio::task::yield_now;

pub(crate) mod own_process;
pub(crate) mod scribe;

pub(crate) type Answer<T> = Result<T, io::Error>;

pub(crate) fn refused() -> io::Error {
    io::Error::other("refused")
}

pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(crate) async fn pause(milliseconds: u64) {
    tokio::time::sleep(ms(milliseconds)).await;
}

/// A stream whose items each come after a pause; a pause of 0 is none, so that the item is ready.
pub(crate) fn paced<T>(items: impl IntoIterator<Item = (u64, T)>) -> impl Stream<Item = T> + Unpin {
    let paced = stream::iter(items.into_iter().collect::<Vec<_>>()).then(|(wait, item)| async move {
        if wait > 0 {
            pause(wait).await;
        }
        item
    });
    Box::pin(paced)
}

/// A span of this name, with the start keys that it needs.
pub(crate) fn span_of(name: SpanName) -> Span {
    match name {
        SpanName::Generate => Span::generate(),
        SpanName::Stream => Span::stream(),
        SpanName::Step => Span::step(),
        SpanName::Chat => Span::chat(),
        SpanName::Tool => Span::tool("search", "call_1"),
        SpanName::Image => Span::image(ImageOperation::Generate, 2),
        SpanName::Embed => Span::embed(3),
        SpanName::Moderate => Span::moderate(4, true),
        SpanName::Classify => Span::classify(5),
        SpanName::Synthesize => Span::synthesize(6),
        SpanName::Transcribe => Span::transcribe("audio/wav"),
        SpanName::Retrieve => Span::retrieve("handbook", 7),
        SpanName::Rerank => Span::rerank(8),
        _ => panic!(
            "{name} is new: add its constructor to span/builder.rs and call it here, and add what you expect of it to \
             tests/convention/main.rs, tests/convention/table.rs and tests/handlers/catalogue.rs"
        ),
    }
}

/// The request id of the current context.
pub(crate) fn id_here() -> Option<String> {
    current_request_id().map(|id| id.to_string())
}

/// Reads the request id again and again, between yields; returns it if it was always the same.
pub(crate) async fn steady_id() -> String {
    let id = id_here().expect("inside a span");
    for _ in 0..5 {
        yield_now().await;
        assert_eq!(id_here().as_ref(), Some(&id));
    }
    id
}

/// What happened, in order, without the prefix: `chat.start`, `chat.stop`.
pub(crate) fn names(capture: &Capture) -> Vec<String> {
    let name = |event: &OwnedEvent| event.as_event().name().as_str().trim_start_matches("allm.").to_owned();
    capture.events().iter().map(name).collect()
}

/// The one event of a span in this phase.
#[track_caller]
pub(crate) fn the(capture: &Capture, span: SpanName, phase: Phase) -> OwnedEvent {
    let mut found = capture.named(span.event(phase).as_str());
    assert_eq!(found.len(), 1, "expected one {span} {phase}, seen: {:?}", names(capture));
    found.remove(0)
}

/// The one end of the spans of this name, which are balanced.
#[track_caller]
pub(crate) fn end_of(capture: &Capture, span: SpanName) -> OwnedEvent {
    capture.assert_balanced();
    let mut ends = capture.events();
    ends.retain(|event| event.as_event().span() == Some(span) && event.as_event().outcome().is_some());
    assert_eq!(ends.len(), 1, "expected one end of {span}, seen: {:?}", names(capture));
    ends.remove(0)
}

/// A value of the metadata, which must be there.
#[track_caller]
pub(crate) fn value(event: &OwnedEvent, key: &str) -> Value {
    let found = event.as_event().metadata(key);
    found.unwrap_or_else(|| panic!("no {key} in {event:?}")).to_value()
}

/// A text of the metadata, which must be there.
#[track_caller]
pub(crate) fn text(event: &OwnedEvent, key: &str) -> String {
    match value(event, key) {
        Value::Text(text) => text.into_owned(),
        other => panic!("{key} is {other:?}"),
    }
}

/// A whole number of the measurements, which must be there.
#[track_caller]
pub(crate) fn measurement(event: &OwnedEvent, key: &str) -> u64 {
    let found = event.as_event().measurement(key);
    found.and_then(|it| it.as_u64()).unwrap_or_else(|| panic!("no number {key} in {event:?}"))
}

/// A time of the measurements, in milliseconds.
#[track_caller]
pub(crate) fn millis(event: &OwnedEvent, key: &str) -> u64 {
    measurement(event, key) / 1_000_000
}

pub(crate) fn request_of(event: &OwnedEvent) -> String {
    event.as_event().request_id().expect("an event of a span").to_owned()
}

/// The metadata keys of an event, sorted; a key that stands twice is an error.
pub(crate) fn keys(event: &Event<'_>) -> Vec<String> {
    let mut keys: Vec<String> = event.metadata_entries().map(|entry| entry.key.to_owned()).collect();
    keys.sort();
    let all = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), all, "a key stands twice in {event:?}");
    keys
}

/// Panics without a word on stderr.
pub(crate) fn lost<T>() -> T {
    std::panic::resume_unwind(Box::new("lost"))
}

/// Runs code that panics; gives the text of the panic.
#[track_caller]
pub(crate) fn panic_text<R>(code: impl FnOnce() -> R) -> String {
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let _ = code();
    }));
    let payload = caught.expect_err("it should have panicked");
    match payload.downcast::<&'static str>() {
        Ok(text) => (*text).to_owned(),
        Err(payload) => *payload.downcast::<String>().expect("a text"),
    }
}

/// Polls once with a waker that does nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a stream once with a waker that does nothing.
pub(crate) fn poll_next<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

/// Panics when it is shown.
pub(crate) struct PanicsOnDisplay;

impl std::fmt::Display for PanicsOnDisplay {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        lost()
    }
}

/// Panics when it is dropped.
pub(crate) struct PanicsOnDrop(pub(crate) &'static str);

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new(self.0));
    }
}

/// Runs code when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A waker that counts.
#[derive(Default)]
pub(crate) struct Wakes(pub(crate) AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
