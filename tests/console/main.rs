//! The console: what people see.

mod bounds;
mod content;
mod outcomes;
mod screen;
mod work;

use allm_telemetry::{Telemetry, adapter_retry, bridge::console::Console, prelude::*, with_request_id};
use screen::{Shown, assert_screen, id, wait};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::{sync::Barrier, task::JoinSet};
use work::{agent, tool};

#[tokio::test(start_paused = true)]
async fn the_lines_of_one_request_appear_as_they_happen() {
    let shown = Shown::new();
    shown.telemetry.scope(agent("req-1")).await;
    let expected = "
        > ┌ chat                                                    req-1
        > │ ┌ step
        > │ │ ┌ stream gpt-5
        > │ │ │ retry 1 in 250ms
        > │ │ │ first chunk after 560ms
        > │ │ └ stream gpt-5                      960ms  completed  first chunk 560ms  812 in (600 cached) 96 out  2 attempts
        > │ │ ┌ tool search
        > │ │ ┌ tool weather
        > │ │ └ tool weather                      400ms  completed
        > │ │ └ tool search                       900ms  error      host_down
        > │ └ step                                 1.8s  completed
        > │ ┌ step
        > │ │ ┌ stream gpt-5
        > │ │ │ first chunk after 280ms
        > │ │ └ stream gpt-5                      680ms  completed  first chunk 280ms  812 in (600 cached) 96 out
        > │ └ step                                680ms  completed
        > └ chat                                   2.5s  completed";
    assert_screen(&shown.now(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_long_label_moves_the_columns_of_all_that_follow_in_its_request() {
    let shown = Shown::new();
    let long = "claude-sonnet-4-5-20250929-1024k";
    let ask = |model| wait(20).in_span_infallible(Span::stream().model(model));
    let turn = async { (ask("gpt-5").await, ask(long).await, ask("gpt-5").await) };
    let chat = |name| Span::chat().request_id(id(name));
    shown.telemetry.scope(turn.in_span_infallible(Span::step()).in_span_infallible(chat("req-1"))).await;
    shown.telemetry.scope(ask("gpt-5").in_span_infallible(chat("req-2"))).await;
    let expected = "
        > ┌ chat                                                    req-1
        > │ ┌ step
        > │ │ ┌ stream gpt-5
        > │ │ └ stream gpt-5                       20ms  completed
        > │ │ ┌ stream claude-sonnet-4-5-20250929-1024k
        > │ │ └ stream claude-sonnet-4-5-20250929-1024k     20ms  completed
        > │ │ ┌ stream gpt-5
        > │ │ └ stream gpt-5                                20ms  completed
        > │ └ step                                          60ms  completed
        > └ chat                                            60ms  completed
        > ┌ chat                                                    req-2
        > │ ┌ stream gpt-5
        > │ └ stream gpt-5                         20ms  completed
        > └ chat                                   20ms  completed";
    assert_screen(&shown.now(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_line_is_there_before_its_request_has_ended() {
    let shown = Shown::new();
    let chat = shown.telemetry.run(|| Span::chat().request_id(id("req-1")).start());
    assert_screen(&shown.now(), "> ┌ chat                                                    req-1");
    chat.complete();
}

#[tokio::test(start_paused = true)]
async fn requests_that_overlap_are_each_printed_whole_when_they_end() {
    let shown = Shown::new();
    let other = tool("fetch", 5_000).in_span_infallible(Span::chat().request_id(id("req-2")));
    shown.telemetry.scope(async { tokio::join!(agent("req-1"), other) }).await;
    let expected = "
        > ┌ chat                                                    req-1
        > │ ┌ step
        > │ │ ┌ stream gpt-5
        > │ │ │ retry 1 in 250ms
        > ┊ requests overlap: each is shown whole when it ends
        > chat                                     2.5s  completed  req-1
        > ├─ step                                  1.8s  completed
        > │  ├─ stream gpt-5                      960ms  completed  first chunk 560ms  812 in (600 cached) 96 out  2 attempts
        > │  │    retry 1 in 250ms
        > │  ├─ tool search                       900ms  error      host_down
        > │  └─ tool weather                      400ms  completed
        > └─ step                                 680ms  completed
        >    └─ stream gpt-5                      680ms  completed  first chunk 280ms  812 in (600 cached) 96 out
        > chat                                     5.0s  completed  req-2
        > └─ tool fetch                            5.0s  error      host_down";
    assert_screen(&shown.now(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_tree_of_a_crowd_is_torn_apart() {
    let shown = Shown::new();
    let (mut crowd, all) = (JoinSet::new(), Arc::new(Barrier::new(60)));
    for number in 0..60 {
        let (name, all) = (format!("req-{number}"), all.clone());
        let request = async move {
            all.wait().await;
            tokio::join!(tool("one", 1 + number % 7), tool("two", 1));
            tool("three", 1).in_span_infallible(Span::step()).await;
        };
        crowd.spawn(shown.telemetry.scope(request.in_span_infallible(Span::chat().request_id(id(&name)))));
    }
    crowd.join_all().await;
    let text = shown.now();
    let whole: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("chat")).collect();
    let labels = |tree: &[&str]| {
        tree.iter().map(|line| line.trim_start().split("  ").next().unwrap().to_owned()).collect()
    };
    let trees: HashSet<Vec<String>> = whole.chunks(5).map(labels).collect();
    let expected = ["chat", "├─ tool one", "├─ tool two", "└─ step", "└─ tool three"];
    assert_eq!((whole.len(), trees), (300, HashSet::from([expected.map(str::to_owned).to_vec()])), "{text}");
    let ids: HashSet<&str> = whole.iter().filter_map(|line| line.split("req-").nth(1)).collect();
    assert_eq!(ids.len(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_after_the_crowd_is_live_again() {
    let shown = Shown::new();
    let ask = |name, time| wait(time).in_span_infallible(Span::generate().model("m").request_id(id(name)));
    shown.telemetry.scope(async { tokio::join!(ask("a", 10), ask("b", 20)) }).await;
    shown.telemetry.scope(ask("c", 30)).await;
    let expected = "
        > ┌ generate m                                              a
        > ┊ requests overlap: each is shown whole when it ends
        > generate m                               10ms  completed  a
        > generate m                               20ms  completed  b
        > ┌ generate m                                              c
        > └ generate m                             30ms  completed";
    assert_screen(&shown.now(), expected);
}

#[tokio::test(start_paused = true)]
async fn outermost_spans_of_one_request_stand_beside_and_after_each_other() {
    let shown = Shown::new();
    let ask = |model, time| wait(time).in_span_infallible(Span::generate().model(model));
    let both = async {
        with_request_id(id("req-1"), async { tokio::join!(ask("slow", 20), ask("fast", 10)) }).await;
        with_request_id(id("req-1"), ask("last", 30)).await;
    };
    shown.telemetry.scope(both).await;
    let expected = "
        > ┌ generate slow                                           req-1
        > ┌ generate fast                                           req-1
        > └ generate fast                          10ms  completed
        > └ generate slow                          20ms  completed
        > ┌ generate last                                           req-1
        > └ generate last                          30ms  completed";
    assert_screen(&shown.now(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_line_inside_one_of_several_spans_says_which() {
    let shown = Shown::new();
    let stream = |model| Span::stream().model(model).request_id(id("r")).start();
    let (mut one, mut two) = shown.telemetry.run(|| (stream("one"), stream("two")));
    one.chunk(|_| {});
    two.context().run(|| adapter_retry(1, Duration::from_secs(2), "busy"));
    let expected = "
        > ┌ stream one                                              r
        > ┌ stream two                                              r
        > │ stream one: first chunk after 0µs
        > │ stream two: retry 1 in 2.0s";
    assert_screen(&shown.now(), expected);
}

#[tokio::test(start_paused = true)]
async fn work_that_goes_on_after_its_request_is_shown_when_it_ends() {
    let shown = Shown::new();
    let mut chat = shown.telemetry.run(|| Span::chat().request_id(id("req-1")).start());
    let tool = chat.enter(|| Span::tool("save", "call_1").start());
    chat.complete();
    wait(1_500).await;
    tool.complete();
    let expected = "
        > ┌ chat                                                    req-1
        > │ ┌ tool save
        > └ chat                                    0µs  completed
        > … tool save                              1.5s  completed  req-1";
    assert_screen(&shown.now(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_is_printed_says_what_still_runs() {
    let shown = Shown::new();
    let _other = shown.telemetry.run(|| Span::chat().request_id(id("other")).start());
    let mut chat = shown.telemetry.run(|| Span::chat().request_id(id("req-1")).start());
    let _tool = chat.enter(|| Span::tool("save", "call_1").start());
    wait(2_000).await;
    chat.complete();
    let expected = "
        > ┌ chat                                                    other
        > ┊ requests overlap: each is shown whole when it ends
        > chat                                     2.0s  completed  req-1
        > └─ tool save                                   running";
    assert_screen(&shown.now(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_console_that_comes_late_shows_what_it_sees() {
    let (telemetry, screen) = (Telemetry::new(), screen::Screen::default());
    let keep = |_: &Event<'_>| {};
    telemetry.attach_many("before", SpanName::ALL.iter().flat_map(|span| span.events()), keep).unwrap();
    let mut chat = telemetry.run(|| Span::chat().request_id(id("req-1")).start());
    let mut step = chat.enter(|| Span::step().start());
    let guard = Console::to_writer(screen.clone()).attach("console", &telemetry).unwrap();
    step.enter(|| Span::tool("search", "call_1").start()).complete();
    step.complete();
    chat.complete();
    drop(guard);
    let expected = "
        > ┌ … tool search                                           req-1
        > └ … tool search                           0µs  completed
        > … step                                    0µs  completed  req-1
        > chat                                      0µs  completed  req-1";
    assert_screen(&screen.text(), expected);
}

#[test]
fn a_program_that_ends_at_once_has_shown_its_tree() {
    let shown = Shown::new();
    shown.telemetry.run(|| Span::chat().start().complete());
    assert_eq!(shown.at_the_end().lines().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_still_runs_at_the_end_is_shown_as_far_as_it_went() {
    let shown = Shown::new();
    let start = |name| shown.telemetry.run(|| Span::chat().request_id(id(name)).start());
    let _chats = (start("a"), start("b"));
    let expected = "
        > ┌ chat                                                    a
        > ┊ requests overlap: each is shown whole when it ends
        > chat                                           running    a
        > chat                                           running    b";
    assert_screen(&shown.at_the_end(), expected);
}

#[test]
fn a_retry_outside_every_span_is_shown_by_itself() {
    let shown = Shown::new();
    shown.telemetry.run(|| adapter_retry(3, Duration::from_millis(250), "busy"));
    assert_screen(&shown.now(), "> retry 3 in 250ms");
}

#[test]
fn an_id_is_taken_while_the_guard_lives_and_free_after() {
    let (telemetry, screen) = (Telemetry::new(), screen::Screen::default());
    let guard = Console::to_writer(screen.clone()).attach("console", &telemetry).unwrap();
    assert!(Console::to_writer(screen.clone()).attach("console", &telemetry).is_err());
    drop(guard);
    assert!(telemetry.list_handlers("").is_empty());
    telemetry.run(|| Span::chat().start().complete());
    assert_eq!(screen.text(), "");
}

#[test]
fn a_console_that_was_detached_by_its_id_shows_what_came_before() {
    let shown = Shown::new();
    shown.telemetry.run(|| Span::chat().start().complete());
    shown.telemetry.detach("console").unwrap();
    shown.telemetry.run(|| Span::chat().start().complete());
    assert_eq!(shown.at_the_end().lines().count(), 2);
}
