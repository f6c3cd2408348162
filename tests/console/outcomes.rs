//! How the ends of spans look.

use std::panic::{AssertUnwindSafe, catch_unwind};

use allm_telemetry::{Usage, event::ImageOperation, prelude::*};

use crate::screen::{Shown, assert_screen, id};

/// One span for each outcome.
fn every_outcome() {
    let span = |model| Span::generate().model(model).request_id(id("r"));
    let stream = Span::stream().model("m").request_id(id("r"));
    span("m").start().complete();
    drop(stream.start());
    span("m").start().cancel();
    span("m").start().error("rate_limited", "a text");
    let panics = || span("m").start().enter(|| panic!("a message"));
    let _ = catch_unwind(AssertUnwindSafe(panics));
}

#[tokio::test(start_paused = true)]
async fn every_outcome_is_told() {
    let shown = Shown::new();
    shown.telemetry.run(every_outcome);
    let ends: Vec<String> =
        shown.now().lines().filter(|line| line.starts_with('└')).map(str::to_owned).collect();
    let expected = "
        > └ generate m                              0µs  completed
        > └ stream m                                0µs  dropped
        > └ generate m                              0µs  cancelled
        > └ generate m                              0µs  error      rate_limited
        > └ generate m                              0µs  panicked";
    assert_screen(&(ends.join("\n") + "\n"), expected);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_an_estimate_are_shown_as_one() {
    let shown = Shown::new();
    shown.telemetry.run(|| {
        let mut span = Span::stream().model("m").request_id(id("r")).start();
        span.record(|record| record.usage(Usage::new().input(12).output(30).estimated()));
        span.complete();
    });
    assert!(shown.now().contains("12 in 30 out (estimated)"), "{}", shown.now());
}

#[tokio::test(start_paused = true)]
async fn a_cost_and_an_invalid_request_id_are_shown() {
    let shown = Shown::new();
    shown.telemetry.run(|| {
        let mut span = Span::generate().model("m").metadata("request_id", "has space").start();
        span.record(|record| record.cost_usd(0.0123));
        span.complete();
    });
    assert!(shown.now().contains("completed  $0.0123  invalid request id has space"), "{}", shown.now());
}

#[tokio::test(start_paused = true)]
async fn errors_and_panics_are_red_and_nothing_else_is() {
    let shown = Shown::with(|console| console.colors(true));
    shown.telemetry.run(every_outcome);
    let text = shown.now();
    let color_of = |outcome: &str| {
        let before = text.split_once(&format!("m{outcome}\u{1b}[0m")).expect("it is shown in a colour").0;
        before.rsplit("\u{1b}[").next().unwrap().to_owned()
    };
    assert_eq!(color_of("error"), "31");
    assert_eq!(color_of("panicked"), "1;31");
    assert_eq!(["completed", "dropped", "cancelled"].map(color_of), ["32", "36", "36"]);
    assert_eq!(text.matches("31m").count(), 2, "nothing else is red");
}

#[test]
fn a_writer_gets_no_colors_unless_told() {
    let shown = Shown::new();
    shown.telemetry.run(every_outcome);
    assert!(!shown.now().contains('\u{1b}'));
}

#[test]
fn colors_change_no_character_of_the_text() {
    let (plain, colored) = (Shown::new(), Shown::with(|console| console.colors(true)));
    let chat = || Span::chat().request_id(id("r")).start();
    plain.telemetry.run(|| drop(chat()));
    colored.telemetry.run(|| drop(chat()));
    let mut text = colored.now();
    while let Some(at) = text.find('\u{1b}') {
        let end = at + text[at..].find('m').unwrap();
        text.replace_range(at..=end, "");
    }
    let first = |text: &str| text.lines().next().unwrap().to_owned();
    assert_eq!(first(&text), first(&plain.now()));
}

#[tokio::test(start_paused = true)]
async fn what_a_span_counted_is_told() {
    let shown = Shown::new();
    let count = |key, value: u64| move |record: &mut Record<'_>| record.measurement(key, value);
    shown.telemetry.run(|| {
        let mut image = Span::image(ImageOperation::Edit, 2).model("dall-e").request_id(id("r")).start();
        image.record(count("image_count", 2));
        image.complete();
        let mut embed = Span::embed(1).engine("mine").request_id(id("r")).start();
        embed.record(count("embedding_count", 1));
        embed.complete();
        let mut retrieve = Span::retrieve("docs", 5).request_id(id("r")).start();
        retrieve.record(count("document_count", 3));
        retrieve.complete();
        let mut stream = Span::stream().request_id(id("r")).start();
        stream.chunk(|_| {});
        stream.chunk(|_| {});
        drop(stream);
    });
    let expected = "
        > ┌ image edit dall-e                                       r
        > └ image edit dall-e                       0µs  completed  2 images
        > ┌ embed mine                                              r
        > └ embed mine                              0µs  completed  1 embedding
        > ┌ retrieve docs                                           r
        > └ retrieve docs                           0µs  completed  3 documents
        > ┌ stream                                                  r
        > │ first chunk after 0µs
        > └ stream                                  0µs  dropped    first chunk 0µs  2 chunks";
    assert_screen(&shown.now(), expected);
}
