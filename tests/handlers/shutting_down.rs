//! Shutdown: it waits for open spans, flushes every exporter, says what is left, and ends no span.

use std::io;
use std::pin::pin;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use allm_telemetry::{
    Event, SpanName, Telemetry,
    event::Outcome,
    handler::{ShutdownReport, Sink, SinkGuard, SubscribeOptions},
    prelude::*,
};
use futures::FutureExt as _;
use tokio::sync::oneshot;

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(20);

/// A log: what was written.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<String>>>);

impl Page {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

struct Writer {
    taken: Vec<String>,
    page: Page,
    /// Before each write it waits for an answer, if there is one to wait for.
    go: Option<Receiver<()>>,
    /// How long a write takes.
    takes: Duration,
}

impl Sink for Writer {
    fn take(&mut self, event: &Event<'_>) {
        let outcome = event.outcome().map(|outcome| format!(" {outcome}")).unwrap_or_default();
        self.taken.push(format!("{}{outcome}", event.name()));
    }

    fn write(&mut self, _lost: u64) -> io::Result<()> {
        if let Some(go) = &self.go {
            let _ = go.recv();
        }
        thread::sleep(self.takes);
        self.page.0.lock().unwrap().append(&mut self.taken);
        Ok(())
    }
}

fn log(telemetry: &Telemetry, go: Option<Receiver<()>>) -> (SinkGuard, Page) {
    log_to(telemetry, |page| Writer { taken: Vec::new(), page, go, takes: Duration::ZERO })
}

fn log_to(telemetry: &Telemetry, writer: impl FnOnce(Page) -> Writer) -> (SinkGuard, Page) {
    let page = Page::default();
    let events = SpanName::ALL.iter().flat_map(|span| span.events());
    let writer = writer(page.clone());
    let guard = telemetry.attach_sink("log", events, SubscribeOptions::new(1_024), writer).unwrap();
    (guard, page)
}

/// The names and counts of the spans that are still open.
fn open(report: &ShutdownReport) -> Vec<(SpanName, u64)> {
    report.open_spans.iter().map(|open| (open.span, open.count)).collect()
}

#[tokio::test]
async fn a_shutdown_waits_for_the_end_of_a_call_on_another_task_and_writes_it() {
    let telemetry = Telemetry::new();
    let (_guard, page) = log(&telemetry, None);
    let (answer, answered) = oneshot::channel::<()>();
    let call = async { answered.await.map_err(|_| io::Error::other("gone")) };
    let (started, is_started) = oneshot::channel();
    let call = async {
        started.send(()).unwrap();
        call.await
    };
    telemetry.run(|| tokio::spawn(call.in_span(Span::generate())));
    is_started.await.unwrap();

    let mut shutdown = pin!(telemetry.shutdown(LONG));
    assert!(shutdown.as_mut().now_or_never().is_none(), "the call is still open");
    answer.send(()).unwrap();
    let report = shutdown.await;
    assert!(report.is_complete(), "{report}");
    assert_eq!(report.to_string(), "log: 2 written, 0 lost; open spans: none");
    assert_eq!(page.lines(), ["allm.generate.start", "allm.generate.stop completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_a_paused_clock_run_for_the_tasks_it_waits_for() {
    let telemetry = Telemetry::new();
    let (_guard, page) = log(&telemetry, None);
    let hour = async { tokio::time::sleep(Duration::from_secs(3_600)).await };
    telemetry.run(|| tokio::spawn(hour.in_span_infallible(Span::tool("slow", "1"))));
    tokio::task::yield_now().await;
    let report = telemetry.shutdown(LONG).await;
    assert!(report.is_complete(), "{report}");
    assert_eq!(page.lines().len(), 2);
}

#[tokio::test]
async fn a_call_that_starts_during_the_flush_is_waited_for_too() {
    // Whether the task is polled before, during or after the flush differs from round to round.
    for _ in 0..300 {
        let telemetry = Telemetry::new();
        let (_guard, _page) = log(&telemetry, None);
        let call = tokio::time::sleep(Duration::from_millis(2));
        let call = telemetry.run(|| tokio::spawn(call.in_span_infallible(Span::generate())));
        let report = telemetry.shutdown(LONG).await;
        assert!(report.is_complete(), "{report}");
        call.await.unwrap();
    }
}

#[test]
fn a_span_that_is_still_open_at_the_deadline_is_reported_and_not_ended() {
    let telemetry = Telemetry::new();
    let (guard, page) = log(&telemetry, None);
    let spans = telemetry
        .run(|| [Span::generate(), Span::tool("a", "1"), Span::tool("b", "2")].map(|span| span.start()));
    let begun = Instant::now();
    let report = telemetry.shutdown_blocking(SHORT);
    assert!(begun.elapsed() < LONG, "it keeps its deadline");
    assert_eq!(open(&report), [(SpanName::Generate, 1), (SpanName::Tool, 2)]);
    assert_eq!(report.to_string(), "log: 3 written, 0 lost; open spans: 1 generate, 2 tool");
    assert!(!report.is_complete());
    assert_eq!(page.lines().len(), 3, "starts: {:?}", page.lines());
    spans.into_iter().for_each(|span| span.complete());
    let report = telemetry.shutdown_blocking(LONG);
    assert!(report.is_complete(), "a second shutdown, {report}");
    drop(guard);
}

#[test]
fn after_a_shutdown_an_event_is_written_before_its_emitter_goes_on() {
    let telemetry = Telemetry::new();
    // Slow enough that an emitter that does not wait is noticed.
    let slow = |page| Writer { taken: Vec::new(), page, go: None, takes: Duration::from_millis(100) };
    let (guard, page) = log_to(&telemetry, slow);
    let span = telemetry.run(|| Span::generate().start());
    let _ = telemetry.shutdown_blocking(SHORT);
    // As in `main`, whose locals are dropped before the runtime that drops the tasks.
    drop(guard);
    span.cancel();
    assert_eq!(page.lines(), ["allm.generate.start", "allm.generate.exception cancelled"]);
}

#[test]
fn a_guard_that_is_dropped_after_a_shutdown_detaches_if_no_span_is_open() {
    let telemetry = Telemetry::new();
    let (guard, page) = log(&telemetry, None);
    telemetry.run(|| Span::generate().start().complete());
    assert!(telemetry.shutdown_blocking(LONG).is_complete());
    drop(guard);
    assert!(telemetry.list_handlers("").is_empty());
    telemetry.run(|| Span::generate().start().complete());
    assert_eq!(page.lines().len(), 2);
}

#[test]
fn a_shutdown_keeps_its_deadline_though_a_sink_is_stuck_and_the_other_is_flushed() {
    let telemetry = Telemetry::new();
    let (go, wait) = channel();
    let (_stuck, _) = log(&telemetry, Some(wait));
    let page = Page::default();
    let writer = Writer { taken: Vec::new(), page: page.clone(), go: None, takes: Duration::ZERO };
    let names = SpanName::Chat.events();
    let _fine = telemetry.attach_sink("fine", names, SubscribeOptions::new(8), writer).unwrap();
    telemetry.run(|| Span::chat().start().complete());

    let begun = Instant::now();
    let report = telemetry.shutdown_blocking(Duration::from_millis(200));
    assert!(begun.elapsed() < LONG);
    let counts: Vec<_> =
        report.exporters.iter().map(|it| (&*it.id, it.written, it.lost, it.waiting)).collect();
    assert_eq!(counts, [("log", 0, 0, 2), ("fine", 2, 0, 0)]);
    assert!(!report.is_complete());

    // Nobody waits for it again and again.
    let begun = Instant::now();
    telemetry.run(|| (0..100).for_each(|_| Span::chat().start().complete()));
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    drop(go);
}

#[test]
fn a_shutdown_reports_what_was_lost() {
    struct Broken;
    impl Sink for Broken {
        fn take(&mut self, _: &Event<'_>) {}
        fn write(&mut self, _: u64) -> io::Result<()> {
            Err(io::Error::other("the disk is full"))
        }
    }
    let telemetry = Telemetry::new();
    let names = SpanName::Chat.events();
    let _log = telemetry.attach_sink("log", names, SubscribeOptions::new(8), Broken).unwrap();
    telemetry.run(|| Span::chat().start().complete());
    let report = telemetry.shutdown_blocking(LONG);
    assert_eq!((report.exporters[0].written, report.exporters[0].lost), (0, 2));
    assert_eq!(report.to_string(), "log: 0 written, 2 lost (the disk is full); open spans: none");
    assert!(!report.is_complete());
}

#[test]
fn spans_of_another_handle_and_spans_that_nobody_observes_are_not_waited_for() {
    let (telemetry, other) = (Telemetry::new(), Telemetry::new());
    let (_log, _) = log(&other, None);
    telemetry.attach_many("chats", SpanName::Chat.events(), |_| {}).unwrap();
    let _elsewhere = other.run(|| Span::chat().start());
    let _unobserved = telemetry.run(|| Span::tool("a", "1").start());
    let report = telemetry.shutdown_blocking(LONG);
    assert!(report.is_complete() && report.exporters.is_empty(), "{report}");
    assert_eq!(report.to_string(), "open spans: none");
}

#[test]
fn open_spans_are_counted_on_more_threads_than_have_a_counter_and_wherever_they_end() {
    let telemetry = Telemetry::new();
    telemetry.attach_many("look", SpanName::Chat.events(), |_| {}).unwrap();
    let (sender, spans) = channel();
    thread::scope(|threads| {
        for _ in 0..20 {
            let (telemetry, sender) = (&telemetry, sender.clone());
            threads.spawn(move || {
                for turn in 0..50 {
                    let span = telemetry.run(|| Span::chat().start());
                    if turn % 2 == 0 { sender.send(span).unwrap() } else { span.complete() }
                }
            });
        }
    });
    drop(sender);
    let report = telemetry.shutdown_blocking(Duration::ZERO);
    assert_eq!(open(&report), [(SpanName::Chat, 500)]);
    // All of them on this thread.
    spans.into_iter().for_each(|span| span.complete());
    assert!(telemetry.shutdown_blocking(Duration::ZERO).is_complete());
}

#[tokio::test]
async fn every_way_in_which_a_span_ends_is_counted_as_an_end() {
    let telemetry = Telemetry::new();
    let ends = Arc::new(Mutex::new(Vec::new()));
    let to = ends.clone();
    let note = move |event: &Event<'_>| to.lock().unwrap().extend(event.outcome());
    telemetry.attach_many("ends", SpanName::ALL.iter().flat_map(|span| span.events()), note).unwrap();
    telemetry
        .scope(async {
            async { Ok::<_, io::Error>(()) }.in_span(Span::generate()).await.unwrap();
            async { Err::<(), _>(io::Error::other("no")) }.in_span(Span::generate()).await.unwrap_err();
            let pending = std::future::pending::<()>().in_span_infallible(Span::generate());
            assert!(pending.now_or_never().is_none());
            drop(futures::stream::iter([1]).in_span_infallible(Span::stream()));
            let panics = async { std::panic::resume_unwind(Box::new("no")) };
            let panics = panics.in_span_infallible(Span::tool("bad", "1"));
            let _: Result<(), _> = std::panic::AssertUnwindSafe(panics).catch_unwind().await;
            drop(Span::chat().start());
            drop(Span::chat().start().context());
        })
        .await;
    use Outcome::{Cancelled, Completed, Dropped, Error, Panicked};
    let expected = [Completed, Error, Cancelled, Dropped, Panicked, Cancelled, Cancelled];
    assert_eq!(*ends.lock().unwrap(), expected);
    let report = telemetry.shutdown(LONG).await;
    assert!(report.is_complete(), "{report}");
}
