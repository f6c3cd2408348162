//! Handlers: attached to exact names under a unique id, and harmless when they fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use crate::support::*;
use allm_telemetry::{
    Event, SpanName, Telemetry, attach, attach_many, current_request_id, detach,
    event::{EventName, Measurements, Metadata, Phase, Value},
    execute,
    handler::{AttachError, list_handlers},
    prelude::*,
    testing::Capture,
};
use futures::FutureExt as _;

/// A handler that notes the names it is called with, and what it noted.
fn noting() -> (impl Fn(&Event<'_>) + Send + Sync + Clone, Arc<Mutex<Vec<String>>>) {
    let noted: Arc<Mutex<Vec<String>>> = Arc::default();
    let to = noted.clone();
    (move |event: &Event<'_>| to.lock().unwrap().push(event.name().to_string()), noted)
}

fn empty() -> (Measurements, Metadata) {
    (Measurements::new(), Metadata::new())
}

fn emit(telemetry: &Telemetry, suffix: &str) {
    telemetry.execute(suffix, empty().0, empty().1).unwrap();
}

#[test]
fn an_id_is_unique() {
    let telemetry = Telemetry::new();
    telemetry.attach("id", "allm.a", |_| {}).unwrap();
    let error = telemetry.attach("id", "allm.b", |_| {}).unwrap_err();
    assert_eq!(error, AttachError::AlreadyExists { id: "id".into() });
    assert!(error.to_string().contains("\"id\""), "{error}");
    assert_eq!(telemetry.list_handlers("").len(), 1);
}

#[test]
fn detach_of_an_unknown_id_is_not_found() {
    let error = Telemetry::new().detach("ghost").unwrap_err();
    assert_eq!(error.id(), "ghost");
    assert!(error.to_string().contains("\"ghost\""), "{error}");
}

#[test]
fn a_handler_is_called_for_its_exact_name_only() {
    let (telemetry, (handler, noted)) = (Telemetry::new(), noting());
    telemetry.attach("id", "allm.cache.hit", handler).unwrap();
    for suffix in ["cache", "cache.hit", "cache.hit.late", "cache.hits", "cache.miss"] {
        emit(&telemetry, suffix);
    }
    assert_eq!(*noted.lock().unwrap(), ["allm.cache.hit"]);
}

#[test]
fn a_detached_handler_is_not_called() {
    let (telemetry, (handler, noted)) = (Telemetry::new(), noting());
    telemetry.attach_many("id", ["allm.a", "allm.b"], handler).unwrap();
    emit(&telemetry, "a");
    telemetry.detach("id").unwrap();
    emit(&telemetry, "a");
    emit(&telemetry, "b");
    assert_eq!(noted.lock().unwrap().len(), 1);
    assert!(telemetry.list_handlers("").is_empty() && telemetry.detach("id").is_err());
}

#[test]
fn a_handler_that_is_detached_lets_go_of_what_it_held() {
    let (telemetry, held) = (Telemetry::new(), Arc::new(()));
    let inside = held.clone();
    telemetry.attach("id", "allm.a", move |_| drop(inside.clone())).unwrap();
    emit(&telemetry, "a");
    telemetry.detach("id").unwrap();
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn an_id_can_be_given_again_after_detach() {
    let (telemetry, (handler, noted)) = (Telemetry::new(), noting());
    telemetry.attach("id", "allm.a", |_| {}).unwrap();
    telemetry.detach("id").unwrap();
    telemetry.attach("id", "allm.b", handler).unwrap();
    emit(&telemetry, "a");
    emit(&telemetry, "b");
    assert_eq!(*noted.lock().unwrap(), ["allm.b"]);
}

#[test]
fn handlers_are_listed_by_prefix() {
    let telemetry = Telemetry::new();
    telemetry.attach("one", "allm.generate.stop", |_| {}).unwrap();
    telemetry
        .attach_many("many", ["allm.generate.start", "allm.tool.stop", "allm.other.event"], |_| {})
        .unwrap();
    telemetry.attach("failures", "telemetry.handler.failure", |_| {}).unwrap();
    let listed = |prefix: &str| -> Vec<String> {
        telemetry.list_handlers(prefix).iter().map(|it| format!("{} {}", it.event, it.id)).collect()
    };
    let all = [
        "allm.generate.start many",
        "allm.generate.stop one",
        "allm.other.event many",
        "allm.tool.stop many",
        "telemetry.handler.failure failures",
    ];
    assert_eq!(listed(""), all);
    assert_eq!(listed("allm"), all[..4]);
    assert_eq!(listed("allm.generate"), all[..2]);
    assert_eq!(listed("allm.generate.stop"), all[1..2]);
    assert!(listed("allm.gen").is_empty() && listed("all").is_empty() && listed("generate").is_empty());
}

#[test]
fn execute_gives_measurements_and_metadata_in_full_and_merges_nothing() {
    let telemetry = Telemetry::new();
    let seen = Arc::new(Mutex::new(None));
    let to = seen.clone();
    telemetry
        .attach("id", "allm.cache.hit", move |event| *to.lock().unwrap() = Some(event.to_owned()))
        .unwrap();
    telemetry.execute("cache.hit", [("age_ms", 12)], [("key", "greeting")]).unwrap();
    let event = seen.lock().unwrap().take().unwrap();
    let show = |entries: allm_telemetry::event::Entries<'_>| {
        entries.map(|it| format!("{}={}", it.key, it.value)).collect::<Vec<_>>()
    };
    assert_eq!(show(event.as_event().measurements()), ["age_ms=12"]);
    assert_eq!(show(event.as_event().metadata_entries()), ["key=greeting"]);
    assert_eq!((event.as_event().span(), event.as_event().request_id()), (None, None));
}

#[test]
fn execute_of_an_empty_suffix_or_segment_is_an_error() {
    for bad in ["", "a..b", ".a", "a."] {
        assert!(Telemetry::new().execute(bad, empty().0, empty().1).is_err(), "{bad}");
    }
}

#[test]
fn a_handler_that_panics_is_detached_from_all_its_events_and_reported() {
    let capture = Capture::new();
    let telemetry = capture.telemetry();
    telemetry
        .attach_many("bad", ["allm.a", "allm.b"], |event| panic!("cannot bear {}", event.name()))
        .unwrap();
    emit(telemetry, "a");
    emit(telemetry, "b");
    assert!(telemetry.list_handlers("allm.a").is_empty() && telemetry.list_handlers("allm.b").is_empty());
    let failures = capture.named("telemetry.handler.failure");
    assert_eq!(failures.len(), 1);
    let keys: Vec<_> = failures[0].as_event().metadata_entries().map(|it| it.key).collect();
    assert_eq!(keys, ["event_name", "handler_id", "kind", "reason", "stacktrace"]);
    assert_eq!(
        (text(&failures[0], "event_name"), text(&failures[0], "handler_id")),
        ("allm.a".into(), "bad".into())
    );
    assert_eq!(
        (text(&failures[0], "kind"), text(&failures[0], "reason")),
        ("panic".into(), "cannot bear allm.a".into())
    );
    assert!(!text(&failures[0], "stacktrace").is_empty());
    let measured: Vec<_> = failures[0].as_event().measurements().map(|it| it.key).collect();
    assert_eq!(measured, ["system_time", "monotonic_time"]);
}

#[test]
fn the_other_handlers_still_run_and_the_caller_notices_nothing() {
    let capture = Capture::new();
    let (before, noted_before) = noting();
    let (after, noted_after) = noting();
    capture.telemetry().attach("1", "allm.chat.stop", before).unwrap();
    capture.telemetry().attach("2", "allm.chat.stop", |_| panic!("bad")).unwrap();
    capture.telemetry().attach("3", "allm.chat.stop", after).unwrap();
    let answer = capture.scope(async { 4 }.in_span_infallible(Span::chat())).now_or_never();
    assert_eq!(answer, Some(4));
    assert_eq!((noted_before.lock().unwrap().len(), noted_after.lock().unwrap().len()), (1, 1));
    assert_eq!(text(&end_of(&capture, SpanName::Chat), "outcome"), "completed");
}

#[test]
fn a_payload_that_panics_when_it_is_dropped_harms_nobody() {
    let capture = Capture::new();
    let bad = |_: &Event<'_>| std::panic::panic_any(PanicsOnDrop("again"));
    capture.telemetry().attach("bad", "allm.a", bad).unwrap();
    emit(capture.telemetry(), "a");
    assert_eq!(capture.named("telemetry.handler.failure").len(), 1);
}

#[test]
fn a_failure_handler_that_fails_does_not_loop() {
    let capture = Capture::new();
    let calls = Arc::new(AtomicUsize::new(0));
    for id in ["f1", "f2"] {
        let calls = calls.clone();
        let bad = move |_: &Event<'_>| {
            calls.fetch_add(1, Ordering::Relaxed);
            panic!("failing at failures")
        };
        capture.telemetry().attach(id, "telemetry.handler.failure", bad).unwrap();
    }
    capture.telemetry().attach("bad", "allm.a", |_| panic!("first")).unwrap();
    emit(capture.telemetry(), "a");
    emit(capture.telemetry(), "a");
    assert!(calls.load(Ordering::Relaxed) <= 4);
    assert_eq!(capture.telemetry().list_handlers("telemetry").len(), 1, "the capture's own");
    let mut failed: Vec<_> =
        capture.named("telemetry.handler.failure").iter().map(|it| text(it, "handler_id")).collect();
    failed.sort();
    assert_eq!(failed, ["bad", "f1", "f2"]);
}

#[test]
fn a_handler_may_attach_from_inside_itself() {
    let telemetry = Telemetry::new();
    let (handler, noted) = noting();
    let attaching = move |_: &Event<'_>| drop(attach("inner", "allm.a", handler.clone()));
    telemetry.attach("outer", "allm.a", attaching).unwrap();
    telemetry.run(|| emit(&telemetry, "a"));
    telemetry.run(|| emit(&telemetry, "a"));
    assert_eq!(noted.lock().unwrap().len(), 1, "not for the emission under way");
}

#[test]
fn a_handler_may_detach_itself_and_others_from_inside_itself() {
    let telemetry = Telemetry::new();
    let (handler, noted) = noting();
    let detaching = |_: &Event<'_>| {
        detach("self").unwrap();
        detach("other").unwrap();
        assert!(list_handlers("allm").is_empty());
    };
    telemetry.attach("self", "allm.a", detaching).unwrap();
    telemetry.attach("other", "allm.b", handler).unwrap();
    telemetry.run(|| ["a", "b", "a"].map(|suffix| emit(&telemetry, suffix)));
    assert!(noted.lock().unwrap().is_empty() && telemetry.list_handlers("").is_empty());
}

#[test]
fn a_handler_that_detaches_itself_is_dropped_as_soon_as_its_event_is_delivered() {
    let (telemetry, held) = (Telemetry::new(), Arc::new(()));
    let holds = held.clone();
    let once = move |_: &Event<'_>| {
        detach("once").unwrap();
        assert_eq!(Arc::strong_count(&holds), 2, "it runs still");
    };
    telemetry.attach("once", "allm.a", once).unwrap();
    telemetry.run(|| emit(&telemetry, "a"));
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_handler_may_emit_from_inside_itself() {
    let capture = Capture::new();
    let (handler, noted) = noting();
    capture.telemetry().attach("b", "allm.b", handler).unwrap();
    capture.telemetry().attach("a", "allm.a", |_| execute("b", [("n", 1)], [("k", 1)]).unwrap()).unwrap();
    capture.run(|| emit(capture.telemetry(), "a"));
    assert_eq!(*noted.lock().unwrap(), ["allm.b"]);
    let nested =
        |_: &Event<'_>| async {}.in_span_infallible(Span::tool("audit", "1")).now_or_never().unwrap();
    capture.telemetry().attach("c", "allm.chat.stop", nested).unwrap();
    capture.scope(async {}.in_span_infallible(Span::chat())).now_or_never().unwrap();
    let (chat, tool) = (end_of(&capture, SpanName::Chat), end_of(&capture, SpanName::Tool));
    assert_eq!(tool.as_event().parent_span_id(), chat.as_event().span_id());
}

#[tokio::test]
async fn a_handler_runs_inside_the_spans_context() {
    let telemetry = Telemetry::new();
    let seen: Arc<Mutex<Vec<bool>>> = Arc::default();
    let to = seen.clone();
    let look = move |event: &Event<'_>| {
        let here = current_request_id();
        to.lock().unwrap().push(here.is_some() && here.as_ref().map(|id| id.as_str()) == event.request_id());
    };
    telemetry.attach_many("look", SpanName::Stream.events(), look).unwrap();
    let tokens = telemetry.run(|| futures::stream::iter([1]).in_span_infallible(Span::stream()));
    futures::StreamExt::count(tokens).await;
    assert_eq!(*seen.lock().unwrap(), [true, true, true]);
}

#[tokio::test]
async fn the_free_functions_use_the_scopes_handle() {
    let (telemetry, (handler, noted)) = (Telemetry::new(), noting());
    telemetry
        .scope(async {
            attach_many("id", ["allm.chat.stop", "allm.own"], handler).unwrap();
            assert_eq!(list_handlers("allm").len(), 2);
            async {}.in_span_infallible(Span::chat()).await;
            execute("own", [("n", 1)], [("k", 1)]).unwrap();
        })
        .await;
    assert_eq!(*noted.lock().unwrap(), ["allm.chat.stop", "allm.own"]);
    assert_eq!(telemetry.list_handlers("").len(), 2);
    telemetry.run(|| detach("id")).unwrap();
}

#[tokio::test]
async fn a_handler_that_was_attached_to_a_running_span_gets_its_end_with_the_text_of_its_error() {
    let capture = Telemetry::new();
    capture.attach("first", "allm.stream.start", |_| {}).unwrap();
    let items = [Ok(1), Err(refused())];
    let tokens = capture.run(|| futures::stream::iter(items).in_span(Span::stream()));
    let late = Capture::on(capture).unwrap();
    futures::StreamExt::count(tokens).await;
    let stop = &late.named("allm.stream.stop")[0];
    assert_eq!((text(stop, "outcome"), value(stop, "error")), ("error".into(), "refused".into()));
}

#[tokio::test]
async fn an_event_that_is_named_twice_is_delivered_once() {
    let (telemetry, (handler, noted)) = (Telemetry::new(), noting());
    telemetry.attach_many("id", ["allm.a", "allm.a"], handler).unwrap();
    emit(&telemetry, "a");
    assert_eq!(noted.lock().unwrap().len(), 1);
}

#[test]
fn attaching_detaching_and_emitting_from_many_threads_loses_no_event_of_who_stays() {
    let telemetry = Telemetry::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let count = move |_: &Event<'_>| {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    telemetry.attach("stays", "allm.a", count).unwrap();
    std::thread::scope(|threads| {
        for thread in 0..4 {
            let telemetry = &telemetry;
            threads.spawn(move || {
                for turn in 0..200 {
                    let id = format!("{thread} {turn}");
                    telemetry.attach(id.as_str(), "allm.a", |_| {}).unwrap();
                    emit(telemetry, "a");
                    telemetry.detach(&id).unwrap();
                }
            });
        }
    });
    assert_eq!(calls.load(Ordering::Relaxed), 800);
    assert_eq!(telemetry.list_handlers("").len(), 1);
}

#[test]
fn what_one_thread_attaches_and_detaches_holds_for_the_next_event_of_another() {
    let (telemetry, (handler, noted)) = (Telemetry::new(), noting());
    let (ask, asked) = mpsc::channel::<mpsc::Sender<()>>();
    let emitting = telemetry.clone();
    std::thread::spawn(move || {
        for answer in asked {
            emit(&emitting, "a");
            answer.send(()).unwrap();
        }
    });
    let emit_there = || {
        let (answer, answered) = mpsc::channel();
        ask.send(answer).unwrap();
        answered.recv().unwrap();
        noted.lock().unwrap().len()
    };
    telemetry.attach("stays", "allm.a", |_| {}).unwrap();
    assert_eq!(emit_there(), 0);
    telemetry.attach("id", "allm.a", handler).unwrap();
    assert_eq!(emit_there(), 1);
    telemetry.detach("id").unwrap();
    assert_eq!(emit_there(), 1);
}

#[test]
fn a_value_that_is_null_is_there_and_an_absent_key_is_not() {
    let capture = Capture::new();
    capture.scope(async {}.in_span_infallible(Span::chat())).now_or_never().unwrap();
    let stop = end_of(&capture, SpanName::Chat);
    assert_eq!(value(&stop, "model"), Value::Null);
    assert!(stop.as_event().metadata("tool_name").is_none());
}

#[test]
fn who_follows_one_thing_makes_nothing_else_observed() {
    let others = ["allm.adapter.retry", "telemetry.handler.failure", "allm.own"].map(EventName::try_from);
    let events = SpanName::ALL.iter().map(|name| name.event(Phase::Stop));
    for event in events.chain(others.map(Result::unwrap)) {
        let telemetry = Telemetry::new();
        telemetry.attach("h", &event, |_| {}).unwrap();
        for &name in SpanName::ALL {
            let mut observed = false;
            telemetry.run(|| {
                let mut active = span_of(name).start();
                active.record(|_| observed = true);
                active.complete();
            });
            assert_eq!(observed, event == name.event(Phase::Stop), "{name} while {event} is followed");
        }
    }
}
