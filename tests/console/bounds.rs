//! What the console may cost: bounded memory, and never the call's time.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::yield_now;
use std::time::{Duration, Instant};

use allm_telemetry::{Telemetry, adapter_retry, bridge::console::Console, event::OwnedEvent, prelude::*};

use crate::screen::{Screen, Shown, assert_screen, id};

const ENOUGH: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn the_oldest_of_too_many_requests_is_shown_and_forgotten() {
    let shown = Shown::with(|console| console.remembered(2));
    let start = |name| shown.telemetry.run(|| Span::chat().request_id(id(name)).start());
    let (a, _b, _c, _d) = (start("a"), start("b"), start("c"), start("d"));
    a.complete();
    let expected = "
        > ┌ chat                                                    a
        > ┊ requests overlap: each is shown whole when it ends
        > chat                                           running    a
        > chat                                           running    b
        > chat                                      0µs  completed  a";
    assert_screen(&shown.now(), expected);
}

#[tokio::test(start_paused = true)]
async fn one_request_of_too_many_spans_shows_the_rest_as_they_end() {
    let shown = Shown::with(|console| console.remembered(2));
    let mut chat = shown.telemetry.run(|| Span::chat().request_id(id("a")).start());
    for tool in ["one", "two", "three"] {
        chat.enter(|| Span::tool(tool, "call").start()).complete();
    }
    chat.complete();
    let expected = "
        > ┌ chat                                                    a
        > │ ┌ tool one
        > │ └ tool one                              0µs  completed
        > … tool two                                0µs  completed  a
        > … tool three                              0µs  completed  a
        > └ chat                                    0µs  completed";
    assert_screen(&shown.now(), expected);
}

#[test]
fn a_call_that_is_tried_again_for_ever_keeps_a_few_retries() {
    let shown = Shown::new();
    let start = || shown.telemetry.run(|| Span::generate().start());
    let (_other, mut call) = (start(), start());
    (1..100).for_each(|attempt| call.enter(|| adapter_retry(attempt, ENOUGH, "busy")));
    call.complete();
    let text = shown.now();
    assert_eq!(text.matches("retry").count(), 16, "{text}");
    assert!(text.contains("100 attempts"), "{text}");
}

#[test]
fn a_tree_may_be_very_deep() {
    let shown = Shown::new();
    let mut spans =
        vec![shown.telemetry.run(|| Span::chat().start()), shown.telemetry.run(|| Span::chat().start())];
    for _ in 0..3_000 {
        let deeper = spans.last_mut().unwrap().enter(|| Span::step().start());
        spans.push(deeper);
    }
    while let Some(span) = spans.pop() {
        span.complete();
    }
    let text = shown.now();
    assert!(text.matches("step").count() >= 3_000);
    assert!(text.lines().all(|line| line.chars().count() < 250));
}

/// A terminal that stands still until it is let go.
struct Stuck {
    go: Receiver<()>,
    screen: Screen,
}

impl Stuck {
    fn new() -> (Sender<()>, Screen, Self) {
        let (let_go, go) = channel();
        let screen = Screen::default();
        (let_go, screen.clone(), Self { go, screen })
    }
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.go.recv();
        self.screen.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_terminal_that_stands_still_holds_up_no_call_and_its_losses_are_told() {
    let (telemetry, (let_go, screen, stuck)) = (Telemetry::new(), Stuck::new());
    let console = Console::to_writer(stuck).capacity(8).attach("console", &telemetry).unwrap();
    // Ends, although nothing can be written.
    (0..10_000).for_each(|_| telemetry.run(|| Span::chat().start().complete()));
    let flushed = console.flush(Duration::from_millis(1));
    assert!(flushed.waiting > 0 && flushed.lost > 10_000, "{flushed:?}");
    drop(let_go);
    assert_eq!(console.flush(ENOUGH).waiting, 0);
    let lost = console.lost();
    let told = |line: &str| line.strip_prefix("! ")?.split(' ').next()?.parse::<u64>().ok();
    assert_eq!(screen.text().lines().filter_map(told).sum::<u64>(), lost, "{}", screen.text());
}

/// A pipe whose reader has left.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Failures = Arc<Mutex<Vec<OwnedEvent>>>;

fn failures_of(telemetry: &Telemetry) -> Failures {
    let failures = Failures::default();
    let keep = failures.clone();
    let report = move |event: &Event<'_>| keep.lock().unwrap().push(event.to_owned());
    telemetry.attach("failures", "telemetry.handler.failure", report).unwrap();
    failures
}

/// The handler's id, the kind and the stack trace of the one failure, once it is there.
fn only(failures: &Failures) -> [String; 3] {
    let began = Instant::now();
    while failures.lock().unwrap().is_empty() && began.elapsed() < ENOUGH {
        yield_now();
    }
    let failures = failures.lock().unwrap();
    let [failure] = &failures[..] else { panic!("{} failures", failures.len()) };
    ["handler_id", "kind", "stacktrace"].map(|key| failure.as_event().metadata(key).unwrap().to_string())
}

#[test]
fn a_closed_pipe_is_reported_once_and_reaches_no_call() {
    let telemetry = Telemetry::new();
    let failures = failures_of(&telemetry);
    let console = Console::to_writer(Closed).attach("console", &telemetry).unwrap();
    for _ in 0..3 {
        telemetry.run(|| Span::chat().start().complete());
        assert_eq!(console.flush(ENOUGH).waiting, 0);
        assert_eq!(only(&failures), ["console", "io", "null"]);
    }
    assert!(
        telemetry.list_handlers("allm.chat").iter().any(|one| &*one.id == "console"),
        "it stays attached"
    );
}
