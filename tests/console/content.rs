//! What is shown of prompts, replies and errors: nothing, until somebody says so.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use allm_telemetry::{Content, Policy, adapter_retry, prelude::*};

use crate::screen::{Shown, assert_screen, id};

const SECRET: &str = "hunter2";

/// Puts the secret everywhere where content may stand.
fn tell_all(shown: &Shown) {
    // Another handler may have it all, so all of it is made.
    shown.telemetry.attach_many("all", SpanName::ALL.iter().flat_map(|span| span.events()), |_| {}).unwrap();
    shown.telemetry.run(|| {
        let span =
            |name| Span::tool(name, "call").request_id(id("r")).input(|| SECRET).metadata("tenant", SECRET);
        let mut works = span("works").start();
        works.enter(|| adapter_retry(1, Duration::ZERO, SECRET));
        works.record(|record| {
            record.output(|| SECRET);
            record.result(|| SECRET);
            record.metadata("note", SECRET);
        });
        works.complete();
        span("fails").start().error("denied", SECRET);
        let panics = || span("panics").start().enter(|| panic!("{SECRET}"));
        let _ = catch_unwind(AssertUnwindSafe(panics));
    });
}

#[test]
fn no_content_is_shown_unless_it_is_turned_on() {
    let shown = Shown::new();
    tell_all(&shown);
    let text = shown.now();
    assert!(text.contains("denied") && text.contains("panicked"), "{text}");
    assert!(!text.contains(SECRET) && !text.contains("tenant") && !text.contains("note"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn content_and_keys_of_ones_own_are_shown_when_they_are_turned_on() {
    let all = Content::INPUT | Content::OUTPUT | Content::ERROR;
    let policy = Policy::new().content_unredacted(all).user_keys(["tenant"]);
    let shown = Shown::with(|console| console.policy(policy));
    tell_all(&shown);
    let expected = "
        > ┌ tool works                                              r
        > │ input: hunter2
        > │ retry 1 in 0µs  reason: hunter2
        > │ result: hunter2
        > │ output: hunter2
        > └ tool works                              0µs  completed  tenant=hunter2
        > ┌ tool fails                                              r
        > │ input: hunter2
        > │ error: hunter2
        > └ tool fails                              0µs  error      denied  tenant=hunter2
        > ┌ tool panics                                             r
        > │ input: hunter2
        > │ reason: hunter2
        > └ tool panics                             0µs  panicked   tenant=hunter2";
    assert_screen(&shown.now(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_whole_tree_shows_content_below_its_spans() {
    let policy = Policy::new().content_unredacted(Content::INPUT | Content::ERROR);
    let shown = Shown::with(|console| console.policy(policy));
    let start =
        |name| shown.telemetry.run(|| Span::chat().request_id(id(name)).input(|| "a question").start());
    let (_other, mut chat) = (start("a"), start("b"));
    chat.enter(|| Span::step().start()).error("denied", "no access");
    chat.complete();
    let text = shown.now();
    let expected = "
        > chat                                      0µs  completed  b
        > │  input: a question
        > └─ step                                   0µs  error      denied
        >      error: no access";
    assert_screen(text.split_once("ends\n").unwrap().1, expected);
}

#[test]
fn content_passes_through_the_redactor_and_one_that_panics_lets_nothing_through() {
    let redacted = Policy::new().content(Content::ERROR, |_, _| Some("redacted".into()));
    let shown = Shown::with(|console| console.policy(redacted));
    tell_all(&shown);
    let text = shown.now();
    assert!(text.contains("error: redacted") && !text.contains(SECRET), "{text}");

    let broken = Policy::new().content(Content::ALL, |_, _| panic!("a redactor's panic"));
    let shown = Shown::with(|console| console.policy(broken));
    tell_all(&shown);
    let text = shown.now();
    assert!(text.contains("denied") && !text.contains(SECRET) && !text.contains("error: "), "{text}");
}

#[test]
fn nobody_asks_for_content_on_the_consoles_behalf() {
    let shown = Shown::new();
    let was_made = AtomicBool::new(false);
    let made = || {
        was_made.store(true, Ordering::Relaxed);
        SECRET
    };
    shown.telemetry.run(|| {
        let mut span = Span::generate().input(made).start();
        span.record(|record| record.output(made));
        span.complete();
    });
    assert!(shown.now().contains("completed") && !was_made.into_inner());
}

#[tokio::test(start_paused = true)]
async fn no_text_of_a_model_writes_to_the_terminal() {
    let policy = Policy::new().content_unredacted(Content::ERROR);
    let shown = Shown::with(|console| console.policy(policy));
    let evil = "\u{1b}[2Jtwo\nlines\r\u{7}\u{202e}";
    shown.telemetry.run(|| Span::tool(evil, "call").request_id(id("r")).start().error(evil, evil.repeat(50)));
    let text = shown.now();
    assert!(!text.contains(['\u{1b}', '\r', '\u{7}', '\u{202e}']), "{text:?}");
    assert_eq!(text.lines().count(), 3, "{text:?}");
    assert!(text.lines().all(|line| line.chars().count() < 200), "{text:?}");
}
