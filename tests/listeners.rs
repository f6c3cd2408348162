//! Listeners: they follow whole spans, keep a state for each, and harm nobody when they fail.

use std::cell::Cell;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allm_telemetry::{
    AttachError, Content, Event, Listener, MAX_LISTENERS, SpanName, Telemetry, Value, adapter_retry,
    prelude::*, testing::Capture,
};
use futures::{FutureExt as _, StreamExt as _, stream};
use support::*;
use tokio::task::yield_now;

mod support;

type Log = Arc<Mutex<Vec<String>>>;

/// Writes down each call.
#[derive(Clone)]
struct Scribe {
    log: Log,
    follows: fn(SpanName) -> bool,
    chunks: bool,
    around: Option<fn(&mut dyn FnMut())>,
    content: Content,
    /// The method that panics.
    panics_in: &'static str,
}

impl Scribe {
    fn new() -> Self {
        Self {
            log: Log::default(),
            follows: |_| true,
            chunks: false,
            around: None,
            content: Content::NONE,
            panics_in: "",
        }
    }

    fn write(&self, method: &'static str, line: impl Into<String>) {
        self.log.lock().unwrap().push(line.into());
        assert!(method != self.panics_in, "bad {method}");
    }

    /// Attaches a copy to a handle of its own.
    fn attached(&self) -> Telemetry {
        let telemetry = Telemetry::new();
        telemetry.listen("scribe", self.clone()).unwrap();
        telemetry
    }

    #[track_caller]
    fn assert_wrote(&self, expected: &[&str]) {
        assert_eq!(*self.log.lock().unwrap(), expected);
    }
}

/// A span's name; its drop is written down.
struct State {
    name: String,
    log: Log,
}

impl Drop for State {
    fn drop(&mut self) {
        self.log.lock().unwrap().push(format!("drop {}", self.name));
    }
}

thread_local! {
    /// Stands for what is current in a foreign system.
    static PLACE: Cell<&'static str> = const { Cell::new("nowhere") };
}

impl Listener for Scribe {
    type Built = &'static str;
    type State = State;

    fn follows(&self, span: SpanName) -> bool {
        (self.follows)(span)
    }

    fn content(&self) -> Content {
        self.content
    }

    fn wants_chunks(&self) -> bool {
        self.chunks
    }

    fn wants_around(&self) -> bool {
        self.around.is_some()
    }

    fn built(&self) -> &'static str {
        if self.panics_in == "built" {
            self.write("built", "built");
        }
        PLACE.get()
    }

    fn start(&self, event: &Event<'_>, built: &'static str, parent: Option<&State>) -> State {
        let name = event.span().unwrap().to_string();
        let parent = parent.map_or("nothing", |parent| &parent.name);
        let place = if built == "nowhere" { String::new() } else { format!(", built {built}") };
        self.write("start", format!("start {name} in {parent}{place}"));
        State { name, log: self.log.clone() }
    }

    fn note(&self, state: &State, event: &Event<'_>) {
        self.write("note", format!("note {} {}", state.name, event.name().segments().last().unwrap()));
    }

    fn chunk(&self, state: &State, gap: Duration) {
        self.write("chunk", format!("chunk {} {gap:?}", state.name));
    }

    fn stop(&self, state: &State, event: &Event<'_>) {
        self.write("stop", format!("stop {} {}", state.name, event.outcome().unwrap()));
    }

    fn around(&self, state: &State, ended: bool, poll: &mut dyn FnMut()) {
        self.write("around", format!("enter {}{}", state.name, if ended { " (ended)" } else { "" }));
        self.around.unwrap()(poll);
        self.log.lock().unwrap().push(format!("leave {}", state.name));
    }
}

fn tool() -> impl Future<Output = ()> {
    async {}.in_span_plain(Span::tool("t", "1"))
}

#[tokio::test]
async fn a_listener_sees_each_start_and_stop_once_with_the_state_of_the_parent() {
    let scribe = Scribe::new();
    scribe
        .attached()
        .scope(async { tool().in_span_plain(Span::step()).await }.in_span_plain(Span::chat()))
        .await;
    scribe.assert_wrote(&[
        "start chat in nothing",
        "start step in chat",
        "start tool in step",
        "stop tool completed",
        "drop tool",
        "stop step completed",
        "drop step",
        "stop chat completed",
        "drop chat",
    ]);
}

#[tokio::test]
async fn a_parent_is_the_nearest_span_that_the_listener_follows() {
    let scribe = Scribe { follows: |name| name != SpanName::Step, ..Scribe::new() };
    scribe.attached().scope(tool().in_span_plain(Span::step()).in_span_plain(Span::chat())).await;
    let expected = ["start chat in nothing", "start tool in chat", "stop tool completed", "drop tool"];
    scribe.assert_wrote(&[&expected[..], &["stop chat completed", "drop chat"]].concat());
}

#[tokio::test]
async fn a_child_finds_its_parent_however_deep_they_nest() {
    fn nested(level: u16) -> futures::future::BoxFuture<'static, ()> {
        if level == 0 {
            async {}.boxed()
        } else {
            async move { nested(level - 1).await }.in_span_plain(Span::step()).boxed()
        }
    }
    let scribe = Scribe::new();
    scribe.attached().scope(nested(300)).await;
    let roots = scribe.log.lock().unwrap().iter().filter(|line| line.ends_with("in nothing")).count();
    assert_eq!(roots, 1);
}

#[tokio::test]
async fn what_is_captured_follows_the_context_that_counts() {
    let scribe = Scribe::new();
    let telemetry = scribe.attached();
    PLACE.set("here");
    let work = async {
        let built = tool();
        PLACE.set("there");
        built.in_span_plain(Span::chat()).await;
    };
    telemetry.scope(work).await;
    PLACE.set("nowhere");
    // The chat was opened inside the captured scope, so the tool belongs to the place of its first poll.
    let log = scribe.log.lock().unwrap();
    assert_eq!(log[..2], ["start chat in nothing, built there", "start tool in chat, built there"]);
}

#[tokio::test]
async fn what_is_captured_where_a_span_is_built_counts_when_its_context_does() {
    let scribe = Scribe::new();
    let telemetry = scribe.attached();
    PLACE.set("here");
    let built = telemetry.run(tool);
    PLACE.set("there");
    built.await;
    PLACE.set("nowhere");
    scribe.assert_wrote(&["start tool in nothing, built here", "stop tool completed", "drop tool"]);
}

#[tokio::test]
async fn every_end_is_a_stop_with_its_outcome() {
    let scribe = Scribe::new();
    let telemetry = scribe.attached();
    telemetry.scope(pending::<()>().in_span_plain(Span::chat())).now_or_never();
    telemetry.scope(async { Answer::<()>::Err(refused()) }.in_span(Span::step())).await.unwrap_err();
    telemetry.run(|| drop(stream::iter([1]).in_span_plain(Span::stream())));
    panic_text(|| {
        let lost = async { std::panic::resume_unwind(Box::new("lost")) }.in_span_plain(Span::generate());
        let _: Option<()> = telemetry.scope(lost).now_or_never();
    });
    let log = scribe.log.lock().unwrap();
    let stops: Vec<_> = log.iter().filter(|line| line.starts_with("stop")).collect();
    assert_eq!(
        stops,
        ["stop chat cancelled", "stop step error", "stop stream dropped", "stop generate panicked"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_first_chunk_is_noted_on_its_own_span_and_chunks_tell_their_gap() {
    let scribe = Scribe { chunks: true, ..Scribe::new() };
    let telemetry = scribe.attached();
    let chat = async { paced([(30, 1), (0, 2)]).in_span_plain(Span::stream()).count().await };
    telemetry.scope(chat.in_span_plain(Span::chat())).await;
    scribe.assert_wrote(&[
        "start chat in nothing",
        "start stream in chat",
        "note stream first_chunk",
        "chunk stream 30ms",
        "chunk stream 0ns",
        "stop stream completed",
        "drop stream",
        "stop chat completed",
        "drop chat",
    ]);
}

#[tokio::test]
async fn a_retry_is_noted_on_the_nearest_span_that_is_followed() {
    for (follows, noted) in [
        ((|_| true) as fn(SpanName) -> bool, "note tool retry"),
        (|name| name == SpanName::Chat, "note chat retry"),
    ] {
        let scribe = Scribe { follows, ..Scribe::new() };
        let telemetry = scribe.attached();
        let retrying = async { adapter_retry(1, ms(5), "reset") }.in_span_plain(Span::tool("t", "1"));
        telemetry.scope(retrying.in_span_plain(Span::chat())).await;
        let log = scribe.log.lock().unwrap();
        assert_eq!(log.iter().filter(|line| line.starts_with("note")).collect::<Vec<_>>(), [noted]);
    }
}

#[tokio::test]
async fn who_does_not_ask_is_not_called_for_chunks_nor_around_polls() {
    let scribe = Scribe::new();
    let tokens = scribe.attached().run(|| stream::iter([1, 2]).in_span_plain(Span::stream()));
    tokens.count().await;
    scribe.assert_wrote(&[
        "start stream in nothing",
        "note stream first_chunk",
        "stop stream completed",
        "drop stream",
    ]);
}

#[tokio::test]
async fn a_listener_is_around_every_poll_and_the_drop() {
    let scribe = Scribe { around: Some(|poll| poll()), ..Scribe::new() };
    let (telemetry, log) = (scribe.attached(), scribe.log.clone());
    let guard = OnDrop(move || log.lock().unwrap().push("inner dropped".into()));
    let work = async move {
        yield_now().await;
        pending::<()>().await;
        drop(guard);
    };
    let mut chat = Box::pin(telemetry.run(|| work.in_span_plain(Span::chat())));
    let _ = (poll_once(&mut chat), poll_once(&mut chat));
    drop(chat);
    scribe.assert_wrote(&[
        "start chat in nothing",
        "enter chat",
        "leave chat",
        "enter chat",
        "leave chat",
        "enter chat",
        "inner dropped",
        "leave chat",
        "stop chat cancelled",
        "drop chat",
    ]);
}

#[tokio::test]
async fn the_poll_runs_exactly_once_though_the_listener_forgets_or_repeats_it() {
    for around in [(|_| {}) as fn(&mut dyn FnMut()), |poll| (0..3).for_each(|_| poll())] {
        let telemetry = Scribe { around: Some(around), ..Scribe::new() }.attached();
        let polls = Cell::new(0);
        let work = async {
            polls.set(polls.get() + 1);
            "an answer"
        };
        assert_eq!(telemetry.scope(work.in_span_plain(Span::chat())).await, "an answer");
        assert_eq!(polls.get(), 1);
    }
}

#[tokio::test]
async fn a_panic_in_the_poll_goes_on_after_the_listener_has_left() {
    let scribe = Scribe { around: Some(|poll| poll()), ..Scribe::new() };
    let telemetry = scribe.attached();
    let lost = async { std::panic::resume_unwind(Box::new("lost")) }.in_span_plain(Span::chat());
    let told = panic_text(|| drop::<Option<()>>(telemetry.scope(lost).now_or_never()));
    assert_eq!(told, "lost");
    let log = scribe.log.lock().unwrap();
    assert_eq!(log[1..3], ["enter chat", "leave chat"]);
    assert_eq!(log[log.len() - 2..], ["stop chat panicked", "drop chat"]);
}

#[tokio::test]
async fn two_listeners_are_around_a_poll_one_inside_the_other() {
    let outer = Scribe { around: Some(|poll| poll()), ..Scribe::new() };
    let telemetry = outer.attached();
    telemetry.listen("inner", Scribe { around: Some(|_| {}), ..outer.clone() }).unwrap();
    assert_eq!(telemetry.scope(async { 4 }.in_span_plain(Span::chat())).await, 4);
    let log = outer.log.lock().unwrap();
    let arounds: Vec<_> = log.iter().filter(|line| !line.starts_with(['s', 'd'])).collect();
    // The poll and the drop: the inner one forgets the poll, which runs after it.
    assert_eq!(arounds, [["enter chat", "enter chat", "leave chat", "leave chat"]; 2].concat());
}

#[tokio::test]
async fn a_listener_is_around_what_carries_the_context_and_is_told_that_the_span_has_ended() {
    let scribe = Scribe { around: Some(|poll| poll()), ..Scribe::new() };
    let telemetry = scribe.attached();
    let spawning = async { allm_telemetry::spawn(async {}) };
    telemetry.scope(spawning.in_span_plain(Span::chat())).await.await.unwrap();
    scribe.assert_wrote(&[
        "start chat in nothing",
        "enter chat",
        "leave chat",
        "enter chat",
        "leave chat",
        "stop chat completed",
        "enter chat (ended)",
        "leave chat",
        "drop chat",
    ]);
}

#[tokio::test]
async fn a_listener_is_around_blocking_work_and_closures_that_carry_the_context() {
    for closure in [true, false] {
        let scribe = Scribe { around: Some(|poll| poll()), ..Scribe::new() };
        let log = scribe.log.clone();
        let note = move || log.lock().unwrap().push("work".into());
        let working = async move {
            if closure {
                note.in_current_context()()
            } else {
                allm_telemetry::spawn_blocking(note).await.unwrap()
            }
        };
        scribe.attached().scope(working.in_span_plain(Span::chat())).await;
        let log = scribe.log.lock().unwrap();
        let place = log.iter().position(|line| line == "work").unwrap();
        assert_eq!((&*log[place - 1], &*log[place + 1]), ("enter chat", "leave chat"));
    }
}

#[tokio::test]
async fn a_child_that_starts_after_its_parents_end_finds_the_parents_state() {
    let scribe = Scribe::new();
    let late = async { allm_telemetry::spawn(async { (yield_now().await, tool().await).1 }) };
    scribe.attached().scope(late.in_span_plain(Span::chat())).await.await.unwrap();
    scribe.assert_wrote(&[
        "start chat in nothing",
        "stop chat completed",
        "start tool in chat",
        "stop tool completed",
        "drop tool",
        "drop chat",
    ]);
}

async fn with_a_listener_that_panics_in(method: &'static str) -> (Capture, Scribe) {
    let capture = Capture::new();
    let scribe = Scribe { chunks: true, around: Some(|poll| poll()), panics_in: method, ..Scribe::new() };
    capture.telemetry().listen("scribe", scribe.clone()).unwrap();
    let work = async { stream::iter([1, 2]).in_span_plain(Span::stream()).count().await }
        .in_span_plain(Span::chat());
    assert_eq!(capture.scope(work).await, 2);
    (capture, scribe)
}

#[tokio::test]
async fn a_listener_that_panics_anywhere_is_detached_and_reported_and_the_call_is_unharmed() {
    for method in ["built", "start", "note", "chunk", "stop", "around"] {
        let (capture, scribe) = with_a_listener_that_panics_in(method).await;
        capture.assert_balanced();
        let failures = capture.named("telemetry.handler.failure");
        assert_eq!(failures.len(), 1, "{method}");
        assert_eq!(
            (text(&failures[0], "handler_id"), text(&failures[0], "kind")),
            ("scribe".into(), "panic".into())
        );
        assert_eq!(text(&failures[0], "reason"), format!("bad {method}"));
        assert!(text(&failures[0], "event_name").starts_with("allm."), "{:?}", failures[0]);
        let own: Vec<_> =
            capture.telemetry().list_handlers("").into_iter().filter(|it| &*it.id == "scribe").collect();
        assert!(own.is_empty());
        let log = scribe.log.lock().unwrap();
        let (starts, drops) =
            ["start", "drop"].map(|what| log.iter().filter(|line| line.starts_with(what)).count()).into();
        assert!(starts - drops <= 1, "{method}: a state leaked: {log:?}");
    }
}

#[tokio::test]
async fn a_listener_that_is_attached_mid_span_ignores_an_end_it_never_saw_begin_and_counts_it() {
    let (telemetry, scribe) = (Telemetry::new(), Scribe::new());
    telemetry.attach("first", "allm.chat.start", |_| {}).unwrap();
    let mut chat = Box::pin(telemetry.run(|| yield_now().in_span_plain(Span::chat())));
    assert!(poll_once(&mut chat).is_pending());
    telemetry.listen("scribe", scribe.clone()).unwrap();
    assert!(poll_once(&mut chat).is_ready());
    scribe.assert_wrote(&[]);
    assert_eq!(telemetry.ends_without_start("scribe"), Some(1));
    telemetry.scope(tool()).await;
    assert_eq!(telemetry.ends_without_start("scribe"), Some(1));
    assert_eq!((telemetry.ends_without_start("first"), telemetry.ends_without_start("ghost")), (None, None));
}

#[tokio::test]
async fn a_listener_that_is_detached_mid_span_gets_no_further_call_and_its_states_drop_with_their_spans() {
    let scribe = Scribe { chunks: true, around: Some(|poll| poll()), ..Scribe::new() };
    let telemetry = scribe.attached();
    telemetry.attach("keeps it observed", "allm.stream.stop", |_| {}).unwrap();
    let mut tokens = telemetry.run(|| stream::iter([1, 2, 3]).in_span_plain(Span::stream()));
    tokens.next().await;
    let before = scribe.log.lock().unwrap().clone();
    telemetry.detach("scribe").unwrap();
    tokens.next().await;
    assert_eq!(*scribe.log.lock().unwrap(), before);
    drop(tokens);
    assert_eq!(*scribe.log.lock().unwrap(), [&before[..], &["drop stream".to_owned()]].concat());
}

#[tokio::test]
async fn a_listener_that_takes_the_id_of_another_never_meets_its_states() {
    let (first, second) = (Scribe::new(), Scribe::new());
    let telemetry = first.attached();
    let mut chat = Box::pin(telemetry.run(|| yield_now().in_span_plain(Span::chat())));
    assert!(poll_once(&mut chat).is_pending());
    telemetry.detach("scribe").unwrap();
    telemetry.listen("scribe", second.clone()).unwrap();
    assert!(poll_once(&mut chat).is_ready());
    drop(chat);
    first.assert_wrote(&["start chat in nothing", "drop chat"]);
    second.assert_wrote(&[]);
    assert_eq!(telemetry.ends_without_start("scribe"), Some(1));
}

#[test]
fn there_can_be_so_many_listeners_and_no_more() {
    let telemetry = Telemetry::new();
    for n in 0..MAX_LISTENERS {
        telemetry.listen(n.to_string(), Scribe::new()).unwrap();
    }
    assert_eq!(telemetry.listen("more", Scribe::new()), Err(AttachError::TooManyListeners));
    telemetry.detach("0").unwrap();
    assert_eq!(telemetry.listen("1", Scribe::new()), Err(AttachError::AlreadyExists { id: "1".into() }));
    telemetry.listen("more", Scribe::new()).unwrap();
    assert_eq!(telemetry.listen("0", Scribe::new()), Err(AttachError::TooManyListeners));
}

#[tokio::test]
async fn a_listener_that_failed_makes_room_for_another() {
    let telemetry = Telemetry::new();
    for n in 0..MAX_LISTENERS {
        telemetry.listen(n.to_string(), Scribe { panics_in: "start", ..Scribe::new() }).unwrap();
    }
    telemetry.scope(tool()).await;
    assert!(telemetry.list_handlers("").is_empty());
    telemetry.listen("another", Scribe::new()).unwrap();
}

#[test]
fn a_listener_is_listed_with_the_events_it_follows() {
    let telemetry = Telemetry::new();
    telemetry.listen("scribe", Scribe { follows: |name| name == SpanName::Chat, ..Scribe::new() }).unwrap();
    let listed: Vec<_> = telemetry.list_handlers("").iter().map(|it| it.event.to_string()).collect();
    let events = ["adapter.retry", "chat.exception", "chat.first_chunk", "chat.start", "chat.stop"];
    assert_eq!(listed, events.map(|name| format!("allm.{name}")));
}

#[tokio::test]
async fn a_listener_alone_makes_the_spans_it_follows_observed_and_no_others() {
    let scribe = Scribe { follows: |name| name == SpanName::Chat, ..Scribe::new() };
    let ran = Cell::new(false);
    let telemetry = scribe.attached();
    telemetry.scope(async {}.in_span_plain(Span::step().on_stop(|_: &(), _: &mut _| ran.set(true)))).await;
    scribe.attached().scope(tool()).await;
    scribe.assert_wrote(&[]);
    assert!(!ran.get());
}

/// Keeps what it may see of errors.
struct Sees(Content, Arc<Mutex<Vec<Value>>>);

impl Listener for Sees {
    type Built = ();
    type State = ();
    fn content(&self) -> Content {
        self.0
    }
    fn built(&self) {}
    fn start(&self, _: &Event<'_>, (): (), _: Option<&()>) {}
    fn stop(&self, (): &(), event: &Event<'_>) {
        self.1.lock().unwrap().push(event.metadata("error").unwrap().to_value());
    }
}

#[tokio::test]
async fn a_listener_gets_no_content_that_it_did_not_ask_for() {
    for (content, expected) in [(Content::NONE, Value::Null), (Content::ERROR, "refused".into())] {
        let (telemetry, seen) = (Telemetry::new(), Arc::default());
        telemetry.listen("sees", Sees(content, Arc::clone(&seen))).unwrap();
        telemetry.scope(async { Answer::<()>::Err(refused()) }.in_span(Span::chat())).await.unwrap_err();
        assert_eq!(*seen.lock().unwrap(), [expected]);
    }
}
