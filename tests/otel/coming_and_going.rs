//! A bridge that comes or goes mid-call, a handler beside it, work that goes on after its span, a thread's last moments.

use std::cell::RefCell;
use std::pin::Pin;

use allm_telemetry::{SpanName, prelude::*, spawn};
use futures::{StreamExt as _, stream};
use opentelemetry::Context as OtelContext;
use opentelemetry::trace::{Status, TraceContextExt as _, Tracer as _};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::support::{OnDrop, ms, poll_next, poll_once};
use crate::world::{World, lasted, text};

#[tokio::test]
async fn one_that_is_detached_mid_call_leaves_its_spans_unobserved_and_they_end_with_their_calls() {
    let world = World::new();
    world.capture.telemetry().attach("keeps them observed", "allm.stream.stop", |_| {}).unwrap();
    let mut tokens = world.capture.run(|| Box::pin(stream::iter([1, 2]).in_span_infallible(Span::stream())));
    assert!(poll_next(&mut tokens).is_ready());
    world.capture.telemetry().detach("otel").unwrap();
    assert!(poll_next(&mut tokens).is_ready());
    assert!(world.spans().is_empty());
    drop(tokens);
    let span = world.span("chat");
    assert_eq!(text(&span, "allm.outcome"), "unobserved");
    assert_eq!(span.status, Status::Unset);
    assert_eq!(world.capture.named("allm.stream.stop").len(), 1, "everybody else saw it dropped");
}

#[tokio::test]
async fn a_span_that_is_unobserved_ends_also_when_somebody_keeps_its_context() {
    let world = World::new();
    let mut kept = None;
    let work = async {
        kept = Some(OtelContext::current());
        world.capture.telemetry().detach("otel").unwrap();
    };
    world.run(work.in_span_infallible(Span::tool("t", "1"))).await;
    assert!(kept.is_some_and(|kept| kept.has_active_span() && !kept.span().is_recording()));
    assert_eq!(text(&world.span("execute_tool t"), "allm.outcome"), "unobserved");
}

#[tokio::test]
async fn one_that_is_attached_mid_call_begins_with_the_next_span() {
    let world = World::detached();
    let mut chat = Box::pin(world.capture.run(|| {
        async {
            yield_now().await;
            async {}.in_span_infallible(Span::tool("t", "1")).await;
        }
        .in_span_infallible(Span::chat())
    }));
    assert!(poll_once(&mut chat).is_pending());
    world.attach(|otel| otel);
    assert!(poll_once(&mut chat).is_ready());
    assert_eq!(world.tree(), ["execute_tool t < nothing"]);
    assert_eq!(world.capture.telemetry().ends_without_start("otel"), Some(1));
}

#[tokio::test]
async fn a_handler_that_is_attached_mid_call_changes_nothing() {
    let world = World::new();
    let telemetry = world.capture.telemetry().clone();
    let work = async move {
        telemetry.attach_many("late", SpanName::Chat.events(), |_| {}).unwrap();
        yield_now().in_span_infallible(Span::tool("t", "1")).await;
        telemetry.detach("late").unwrap();
    };
    world.run(work.in_span_infallible(Span::chat())).await;
    assert_eq!(world.tree(), ["execute_tool t < invoke_agent", "invoke_agent < nothing"]);
}

#[tokio::test]
async fn a_background_task_that_goes_on_keeps_the_span_that_has_ended_as_its_parent() {
    let world = World::new();
    let tracer = world.tracer();
    let (go, wait) = oneshot::channel::<()>();
    let background = async {
        [spawn(async move {
            wait.await.unwrap();
            tracer.in_span("mine", |_| ());
            yield_now().in_span_infallible(Span::tool("late", "1")).await;
        })]
    };
    let [background] = world.run(background.in_span_infallible(Span::chat())).await;
    let chat = world.span("invoke_agent");
    go.send(()).unwrap();
    background.await.unwrap();
    assert_eq!(
        world.tree(),
        ["execute_tool late < invoke_agent", "invoke_agent < nothing", "mine < invoke_agent"]
    );
    assert_eq!(lasted(&world.span("invoke_agent")), lasted(&chat), "it ended when it ended");
}

#[tokio::test]
async fn the_current_span_is_what_it_was_after_every_way_to_end() {
    let world = World::new();
    let mine = OtelContext::current_with_span(world.tracer().start("mine"));
    let id = mine.span().span_context().span_id();
    let _mine = mine.attach();
    let current = || OtelContext::map_current(|cx| cx.span().span_context().span_id());
    let work = async {
        let panics = async { crate::support::lost::<()>() }.in_span_infallible(Span::tool("panics", "1"));
        let caught = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(panics)).await;
        assert!(caught.is_err() && current() == id);
        let slow = std::future::pending::<()>().in_span_infallible(Span::tool("slow", "2"));
        assert!(tokio::time::timeout(ms(5), slow).await.is_err() && current() == id);
        let mut tokens = stream::iter([1, 2]).in_span_infallible(Span::stream());
        assert!(tokens.next().await.is_some() && current() == id);
        drop(tokens);
        assert_eq!(current(), id);
    };
    world.run(work).await;
}

#[test]
fn a_span_that_dies_in_a_threads_last_moments_is_sent_and_the_bridge_goes_on() {
    thread_local! {
        static HELD: RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>> = const { RefCell::new(Vec::new()) };
    }
    let world = World::new();
    for holder_first in [true, false] {
        let (capture, tracer) = (world.capture.clone(), world.tracer());
        let thread = move || {
            if holder_first {
                HELD.with_borrow(Vec::len);
            }
            let work = async move {
                let _last = OnDrop(|| Span::tool("clean up", "1").start().complete());
                tracer.in_span("mine", |_| ());
                std::future::pending().await
            };
            let mut chat: Pin<Box<dyn Future<Output = ()>>> =
                Box::pin(capture.scope(work.in_span_infallible(Span::chat())));
            assert!(poll_once(&mut chat).is_pending());
            HELD.with_borrow_mut(|held| held.push(chat));
        };
        std::thread::spawn(thread).join().unwrap();
    }
    let chats: Vec<_> = world.spans().into_iter().filter(|span| span.name == "invoke_agent").collect();
    assert_eq!(chats.iter().map(|span| text(span, "allm.outcome")).collect::<Vec<_>>(), ["cancelled"; 2]);
    assert!(world.capture.named("telemetry.handler.failure").is_empty());
    world.capture.run(|| Span::tool("after", "1").start().complete());
    assert_eq!(world.span("execute_tool after").name, "execute_tool after");
}
