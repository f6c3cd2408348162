//! The global handle: what the free functions use outside every scope. A process of its own, because it is one.

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard};

use allm_telemetry::{
    Event, Listener, SpanName, Telemetry, attach, attach_many, detach,
    event::EventName,
    execute,
    handler::{AttachError, list_handlers},
    listen,
    prelude::*,
    spawn, subscribe,
    testing::Capture,
};
use futures::{FutureExt as _, StreamExt as _};

/// There is one global handle: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn noting() -> (impl Fn(&Event<'_>) + Send + Sync, Arc<Mutex<Vec<String>>>) {
    let noted: Arc<Mutex<Vec<String>>> = Arc::default();
    let to = noted.clone();
    (move |event: &Event<'_>| to.lock().unwrap().push(event.name().to_string()), noted)
}

#[test]
fn outside_every_scope_the_free_functions_use_the_global_handle() {
    let _alone = alone();
    let (handler, noted) = noting();
    let own = EventName::try_from("allm.chatter").unwrap();
    attach_many("log", SpanName::Chat.events().iter().chain([&own]), handler).unwrap();
    assert_eq!(Telemetry::global().list_handlers("").len(), 5);
    async {}.in_span_infallible(Span::chat()).now_or_never().unwrap();
    execute("chatter", [("n", 1)], [("k", 1)]).unwrap();
    assert_eq!(
        Telemetry::global().attach("log", "allm.a", |_| {}),
        Err(AttachError::AlreadyExists { id: "log".into() })
    );
    detach("log").unwrap();
    async {}.in_span_infallible(Span::chat()).now_or_never().unwrap();
    assert_eq!(*noted.lock().unwrap(), ["allm.chat.start", "allm.chat.stop", "allm.chatter"]);
}

#[test]
fn a_scope_hides_the_global_handle() {
    let _alone = alone();
    let (handler, noted) = noting();
    attach("log", "allm.chat.stop", handler).unwrap();
    let capture = Capture::new();
    let chat = async { list_handlers("allm.chat.stop").len() }.in_span_infallible(Span::chat());
    assert_eq!(capture.scope(chat).now_or_never(), Some(1), "the capture's own");
    assert!(noted.lock().unwrap().is_empty());
    detach("log").unwrap();
}

#[test]
fn spans_on_threads_and_tasks_without_a_scope_reach_the_global_handle() {
    let _alone = alone();
    let (handler, noted) = noting();
    attach("log", "allm.chat.stop", handler).unwrap();
    let chat = || async {}.in_span_infallible(Span::chat());
    std::thread::spawn(move || chat().now_or_never()).join().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async { tokio::spawn(chat()).await.unwrap() });
    assert_eq!(noted.lock().unwrap().len(), 2);
    detach("log").unwrap();
}

#[test]
fn a_subscription_to_the_global_handle_ends_when_it_is_detached() {
    let _alone = alone();
    let mut events = subscribe("queue", SpanName::Chat.events(), 8).unwrap();
    async {}.in_span_infallible(Span::chat()).now_or_never().unwrap();
    detach("queue").unwrap();
    let names: Vec<_> =
        futures::executor::block_on(events.by_ref().map(|it| it.as_event().name().to_string()).collect());
    assert_eq!(names, ["allm.chat.start", "allm.chat.stop"]);
    assert!(list_handlers("").is_empty());
}

/// Tells for each span what was current where it was captured.
struct Places(Arc<Mutex<Vec<&'static str>>>);

thread_local! {
    static PLACE: Cell<&'static str> = const { Cell::new("nowhere") };
}

impl Listener for Places {
    type Built = &'static str;
    type State = ();

    fn follows(&self, span: SpanName) -> bool {
        span == SpanName::Tool
    }

    fn on_build(&self) -> &'static str {
        PLACE.replace("later")
    }

    fn on_start(&self, _: &Event<'_>, built: &'static str, _: Option<&()>) {
        self.0.lock().unwrap().push(built);
    }

    fn on_end(&self, (): &(), _: &Event<'_>) {}
}

#[test]
fn a_listener_captures_where_a_span_is_built_in_a_request_and_outside_of_all() {
    let _alone = alone();
    let places = Arc::default();
    listen("places", Places(Arc::clone(&places))).unwrap();
    let tool = || async {
        PLACE.set("built");
        let tool = async {}.in_span_infallible(Span::tool("t", "1"));
        PLACE.set("polled");
        tool.await;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        tool().in_span_infallible(Span::chat()).await;
        tool().await;
        spawn(tool()).await.unwrap();
    });
    detach("places").unwrap();
    assert_eq!(*places.lock().unwrap(), ["built"; 3]);
}

#[test]
fn the_global_handle_is_one_and_the_default() {
    let _alone = alone();
    assert!(
        Telemetry::global().ptr_eq(&Telemetry::default()) && !Telemetry::global().ptr_eq(&Telemetry::new())
    );
}
