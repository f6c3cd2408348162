//! Content-free chunks: they are counted, and neither are a first chunk nor end a wait, also where a span encloses another.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::*;
use allm_telemetry::{
    Event, Listener, SpanName, Telemetry,
    event::Phase,
    handler::Chunk,
    observe::{Classify, Observe},
    prelude::*,
    testing::Capture,
};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use proptest::prelude::*;

type Token = Answer<&'static str>;

/// A `stream` span for which an empty text is content-free.
fn pinged() -> Span<impl Observe<&'static str> + Classify<std::io::Error>> {
    Span::stream().observe(|text: &&str, record| {
        if text.is_empty() {
            record.content_free();
        }
    })
}

/// Collects the chunks that a listener receives: the gap, and whether it is content-free.
#[derive(Clone, Default)]
struct Chunks(Arc<Mutex<Vec<(Duration, bool)>>>);

impl Listener for Chunks {
    type Built = ();
    type State = ();
    fn follows(&self, span: SpanName) -> bool {
        span == SpanName::Stream
    }
    fn wants_chunks(&self) -> bool {
        true
    }
    fn on_build(&self) {}
    fn on_start(&self, _: &Event<'_>, (): (), _: Option<&()>) {}
    fn on_chunk(&self, (): &(), chunk: &Chunk) {
        self.0.lock().unwrap().push((chunk.gap(), chunk.is_content_free()));
    }
    fn on_end(&self, (): &(), _: &Event<'_>) {}
}

/// A capture, and the chunks that a listener of `stream` spans receives there.
fn listened() -> (Capture, Chunks) {
    let (capture, chunks) = (Capture::on(Telemetry::new()).unwrap(), Chunks::default());
    capture.telemetry().listen("chunks", chunks.clone()).unwrap();
    (capture, chunks)
}

#[tokio::test(start_paused = true)]
async fn eight_pings_15_s_apart_are_one_wait_of_120_s() {
    let (capture, chunks) = listened();
    let pings = (0..7).map(|_| (15_000, ""));
    let items = [(0, "text")].into_iter().chain(pings).chain([(15_000, "")]).chain([(0, "text")]);
    capture.run(|| paced(items).in_span_infallible(pinged())).count().await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((millis(&stop, "longest_wait"), millis(&stop, "producer_wait")), (120_000, 120_000));
    assert_eq!(measurement(&stop, "chunk_count"), 10);
    let with_content: Vec<_> = chunks.0.lock().unwrap().iter().filter(|it| !it.1).map(|it| it.0).collect();
    assert_eq!(with_content, [Duration::ZERO, Duration::from_secs(120)]);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_the_reader_between_two_pings_is_no_wait() {
    let capture = Capture::new();
    let items = paced([(10, "text"), (20, ""), (30, ""), (40, "text")]);
    let tokens = capture.run(|| items.in_span_infallible(pinged()));
    tokens.for_each(|_| pause(1_000)).await;
    let stop = end_of(&capture, SpanName::Stream);
    assert_eq!((millis(&stop, "longest_wait"), millis(&stop, "producer_wait")), (90, 100));
    assert_eq!(millis(&stop, "consumer_time"), 4_000);
}

/// What a stream gives, and how the reader reads it.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Milliseconds until the item is there.
    wait: u64,
    item: Kind,
    /// Milliseconds until the reader asks for the next item.
    pause: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Content,
    Empty,
    Fails,
}

/// What must be measured, in milliseconds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Measured {
    chunks: Vec<(u64, bool)>,
    first: Option<u64>,
    producer_wait: u64,
    longest_wait: u64,
    duration: u64,
}

/// The rules of DESIGN in plain arithmetic: a wait reaches from one chunk with content to the next.
fn expected(steps: &[Step], last_wait: u64) -> Measured {
    let (mut measured, mut gap) = (Measured::default(), 0);
    let wait = |measured: &mut Measured, gap: &mut u64, wait: u64| {
        *gap += wait;
        measured.producer_wait += wait;
        measured.duration += wait;
        measured.longest_wait = measured.longest_wait.max(*gap);
    };
    for step in steps {
        wait(&mut measured, &mut gap, step.wait);
        if step.item != Kind::Fails {
            measured.chunks.push((gap, step.item == Kind::Empty));
        }
        if step.item == Kind::Content {
            measured.first = measured.first.or(Some(measured.duration));
        }
        if step.item != Kind::Empty {
            gap = 0;
        }
        measured.duration += step.pause;
    }
    wait(&mut measured, &mut gap, last_wait);
    measured
}

async fn measured(steps: &[Step], last_wait: u64, is_dropped: bool) -> Measured {
    let (capture, chunks) = listened();
    let item = |step: &Step| match step.item {
        Kind::Content => (step.wait, Token::Ok("text")),
        Kind::Empty => (step.wait, Ok("")),
        Kind::Fails => (step.wait, Err(refused())),
    };
    // If the reader leaves, it is just before the end.
    let end = [(last_wait + u64::from(is_dropped), None)];
    let items = paced(steps.iter().map(item).map(|(wait, item)| (wait, Some(item))).chain(end));
    let items = items.filter_map(std::future::ready);
    let mut tokens = capture.run(|| items.in_span(pinged()));
    for step in steps {
        tokens.next().await.unwrap().ok();
        pause(step.pause).await;
    }
    match is_dropped {
        true => assert!(tokio::time::timeout(ms(last_wait), tokens.next()).await.is_err()),
        false => assert!(tokens.next().await.is_none()),
    }
    drop(tokens);
    let stop = end_of(&capture, SpanName::Stream);
    let first = stop.as_event().measurement("time_to_first_chunk").unwrap().as_u64();
    let millis_of = |(gap, content_free): &(Duration, bool)| (gap.as_millis() as u64, *content_free);
    let chunks = chunks.0.lock().unwrap().iter().map(millis_of).collect();
    Measured {
        chunks,
        first: first.map(|nanos| nanos / 1_000_000),
        producer_wait: millis(&stop, "producer_wait"),
        longest_wait: millis(&stop, "longest_wait"),
        duration: millis(&stop, "duration"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn waits_reach_from_one_chunk_with_content_to_the_next(
        steps in prop::collection::vec(
            (
                prop_oneof![Just(0), 1..50_u64],
                prop_oneof![3 => Just(Kind::Content), 4 => Just(Kind::Empty), 1 => Just(Kind::Fails)],
                prop_oneof![2 => Just(0), 1 => 1..50_u64],
            ),
            0..12,
        ),
        last_wait in prop_oneof![Just(0), 1..50_u64],
        is_dropped in any::<bool>(),
    ) {
        let steps: Vec<_> = steps.into_iter().map(|(wait, item, pause)| Step { wait, item, pause }).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let seen = runtime.unwrap().block_on(measured(&steps, last_wait, is_dropped));
        prop_assert_eq!(seen, expected(&steps, last_wait));
    }
}

/// A call whose stream begins with a role, and pauses with a ping.
async fn call() -> Answer<impl Stream<Item = Token> + Unpin> {
    pause(100).await;
    Ok(paced([(20, Ok("")), (30, Ok("Hel")), (40, Ok("")), (50, Ok("lo"))]))
}

/// The time at which the first chunk of the span came, in milliseconds, and the longest wait.
fn first_and_longest(capture: &Capture, span: SpanName) -> (u64, u64) {
    let first = the(capture, span, Phase::FirstChunk);
    (millis(&first, "time_to_first_chunk"), millis(&end_of(capture, span), "longest_wait"))
}

#[tokio::test(start_paused = true)]
async fn the_first_chunk_of_an_enclosing_span_is_not_earlier_than_that_of_the_call() {
    let capture = Capture::new();
    let chat = Span::chat().open(async { pinged().open(call()).await });
    let tokens = capture.scope(chat).await.unwrap();
    assert_eq!(tokens.try_collect::<String>().await.unwrap(), "Hello");
    for span in [SpanName::Stream, SpanName::Chat] {
        assert_eq!(first_and_longest(&capture, span), (150, 100), "{span}");
        assert_eq!(measurement(&end_of(&capture, span), "chunk_count"), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_content_free_chunk_reaches_every_enclosing_span() {
    let capture = Capture::new();
    // The step encloses only the opening; the chat returns the items.
    let opening = async { pinged().open(call()).await }.in_span(Span::step());
    let chat = Span::chat().open(async { Span::step().open(opening).await });
    let tokens = capture.scope(chat).await.unwrap();
    assert_eq!(tokens.try_collect::<String>().await.unwrap(), "Hello");
    let first: Vec<_> = ["allm.stream.first_chunk", "allm.step.first_chunk", "allm.chat.first_chunk"]
        .map(|name| {
            capture.named(name).iter().map(|it| millis(it, "time_to_first_chunk")).collect::<Vec<_>>()
        })
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(first, [150, 150, 150]);
}

#[tokio::test(start_paused = true)]
async fn an_enclosing_stream_that_drops_the_pings_has_content_only() {
    let (capture, chunks) = listened();
    let no_ping = async || {
        let tokens = pinged().open(call()).await?;
        Answer::Ok(tokens.try_filter(|text| std::future::ready(!text.is_empty())))
    };
    let tokens = capture.scope(Span::chat().open(no_ping())).await.unwrap();
    assert_eq!(tokens.try_collect::<String>().await.unwrap(), "Hello");
    assert_eq!(first_and_longest(&capture, SpanName::Chat), (150, 100));
    assert_eq!(measurement(&end_of(&capture, SpanName::Chat), "chunk_count"), 2);
    assert_eq!(chunks.0.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_content_free_chunk_that_was_read_ahead_is_still_one() {
    let capture = Capture::new();
    let ahead = async || {
        let mut tokens = pinged().open(call()).await?;
        let first = tokens.next().await;
        Answer::Ok(stream::iter(first).chain(tokens))
    };
    let tokens = capture.scope(Span::chat().open(ahead())).await.unwrap();
    assert_eq!(tokens.try_collect::<String>().await.unwrap(), "Hello");
    assert_eq!(first_and_longest(&capture, SpanName::Chat).0, 150);
}

#[tokio::test(start_paused = true)]
async fn the_own_items_of_an_enclosing_stream_are_content() {
    let capture = Capture::new();
    let own = async || {
        let tokens = pinged().open(async { Answer::Ok(paced([(10, Token::Ok("")), (20, Ok(""))])) }).await?;
        // Each ping is read, and the end as well, before an item of the chat's own follows, without a wait in between.
        let own = stream::once(async { Token::Ok("searching") });
        Answer::Ok(Box::pin(tokens.try_filter(|_| std::future::ready(false)).chain(own)))
    };
    let tokens = capture.scope(Span::chat().open(own())).await.unwrap();
    assert_eq!(tokens.try_collect::<String>().await.unwrap(), "searching");
    assert_eq!(first_and_longest(&capture, SpanName::Chat).0, 30);
    assert!(capture.named("allm.stream.first_chunk").is_empty());
}
