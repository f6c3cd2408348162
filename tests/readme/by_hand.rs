//! What the README says of `tracing` spans by hand, each beside what this crate reports of the same work.

use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use allm_telemetry::{event::Outcome, prelude::*, testing::Capture};
use futures::{Stream, StreamExt, stream};
use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tokio::time::{sleep, timeout};
use tracing::{Instrument, info_span};
use tracing_subscriber::layer::SubscriberExt;

/// Runs `work` with `tracing-opentelemetry` and an exporter to memory, on a clock that is paused.
fn with_tracing<F: Future>(work: impl FnOnce(InMemorySpanExporter) -> F) -> F::Output {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("by hand"));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        runtime.block_on(work(exporter))
    })
}

async fn create_stream() -> Result<impl Stream<Item = Result<&'static str, io::Error>>, io::Error> {
    Ok(stream::iter(["a", "b"]).then(|token| async move {
        sleep(Duration::from_millis(30)).await;
        Ok(token)
    }))
}

#[test]
fn a_span_by_hand_around_the_call_ends_before_the_first_token() {
    with_tracing(async |exporter| {
        let mut tokens = std::pin::pin!(create_stream().instrument(info_span!("call")).await.unwrap());
        assert_eq!(exporter.get_finished_spans().unwrap().len(), 1, "ended before anything was read");
        assert_eq!(tokens.next().await.unwrap().unwrap(), "a");

        let capture = Capture::new();
        let tokens = capture.scope(Span::stream().open(create_stream())).await.unwrap();
        assert!(capture.named("allm.stream.stop").is_empty(), "ended before anything was read");
        assert_eq!(tokens.count().await, 2);
        let stop = &capture.named("allm.stream.stop")[0];
        assert_eq!(stop.as_event().measurement("time_to_first_chunk").unwrap().as_u64(), Some(30_000_000));
    });
}

async fn answers() -> Result<(), io::Error> {
    Ok(())
}

async fn fails() -> Result<(), io::Error> {
    Err(io::Error::other("no"))
}

async fn hangs() -> Result<(), io::Error> {
    pending().await
}

/// A span by hand that lasts as long as the stream.
fn read_in_span<T>(tokens: impl Stream<Item = T>) -> impl Stream<Item = T> {
    let span = info_span!("call");
    tokens.map(move |token| span.in_scope(|| token))
}

/// Whether what was exported of a span by hand shows neither an error nor anything that a completed one does not.
fn looks_completed(exporter: &InMemorySpanExporter) -> bool {
    let spans = exporter.get_finished_spans().unwrap();
    let keys = |index: usize| spans[index].attributes.iter().map(|pair| pair.key.clone()).collect::<Vec<_>>();
    let last = spans.len() - 1;
    spans[last].status == Status::Unset && spans[last].events.is_empty() && keys(last) == keys(0)
}

#[test]
fn a_span_by_hand_looks_the_same_whether_its_call_completed_failed_or_was_cancelled() {
    let soon = Duration::from_millis(50);
    with_tracing(async |exporter| {
        answers().instrument(info_span!("call")).await.unwrap();
        fails().instrument(info_span!("call")).await.unwrap_err();
        assert!(looks_completed(&exporter), "of the failure there is no trace");
        timeout(soon, hangs().instrument(info_span!("call"))).await.unwrap_err();
        assert!(looks_completed(&exporter), "of the timeout there is no trace");
    });
    with_tracing(async |_| {
        let capture = Capture::new();
        let work = async {
            answers().in_span(Span::generate()).await.unwrap();
            fails().in_span(Span::tool("search", "1")).await.unwrap_err();
            timeout(soon, hangs().in_span(Span::embed(1))).await.unwrap_err();
        };
        capture.scope(work).await;
        capture.assert_outcome(SpanName::Generate, Outcome::Completed);
        capture.assert_outcome(SpanName::Tool, Outcome::Error);
        capture.assert_outcome(SpanName::Embed, Outcome::Cancelled);
    });
}

#[test]
fn a_span_by_hand_around_a_stream_looks_the_same_whether_it_was_read_or_dropped() {
    with_tracing(async |exporter| {
        let all = read_in_span(create_stream().await.unwrap());
        assert_eq!(all.count().await, 2);
        let one = read_in_span(create_stream().await.unwrap());
        assert_eq!(one.take(1).count().await, 1);
        assert_eq!(exporter.get_finished_spans().unwrap().len(), 2);
        assert!(looks_completed(&exporter), "of the drop there is no trace");

        let capture = Capture::new();
        let one = capture.scope(Span::stream().open(create_stream())).await.unwrap();
        assert_eq!(one.take(1).count().await, 1);
        capture.assert_outcome(SpanName::Stream, Outcome::Dropped);
    });
}
