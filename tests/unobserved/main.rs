//! When nobody listens anywhere. A program of its own: no test here attaches anything in its process.

use std::future::pending;
use std::panic::AssertUnwindSafe;

use allm_telemetry::{
    Context, JoinSetContextExt as _, Telemetry,
    event::{Metadata, Value},
    prelude::*,
    propagation::Propagation,
    span, span_sync, with_request_id,
};
use futures::stream::FusedStream as _;
use futures::{FutureExt as _, Stream as _, StreamExt as _, stream};
use support::*;
use tokio::task::{JoinSet, yield_now};

mod silent_from_build;
#[path = "../support/mod.rs"]
mod support;

#[tokio::test]
async fn a_request_has_one_id_in_all_its_spans_and_none_outside() {
    let nested = async { (steady_id().await, steady_id().in_span_infallible(Span::tool("t", "1")).await) };
    let (outer, inner) = nested.in_span_infallible(Span::step()).in_span_infallible(Span::chat()).await;
    assert_eq!((outer.len(), &outer, id_here()), (22, &inner, None));
}

#[tokio::test]
async fn an_id_that_is_first_read_in_a_copy_is_the_same_everywhere() {
    let reads = async {
        let early = allm_telemetry::spawn(steady_id());
        let copy = Context::current();
        let first =
            std::thread::spawn(move || copy.clone().run(|| (id_here(), copy.request_id()))).join().unwrap();
        let tool = async { id_here() }.in_span_infallible(Span::tool("t", "1")).await;
        (Some(early.await.unwrap()), first.0, first.1.map(|id| id.to_string()), tool, id_here())
    };
    let (a, b, c, d, e) = reads.in_span_infallible(Span::chat()).await;
    assert!(a == b && b == c && c == d && d == e && e.is_some());
}

#[tokio::test]
async fn neighbours_do_not_see_each_other() {
    let chat = || steady_id().in_span_infallible(Span::chat());
    let (a, b, c) = tokio::join!(chat(), chat(), async { (yield_now().await, id_here()).1 });
    assert!(a != b && c.is_none());
    let ids: Vec<_> = stream::iter(0..20).map(|_| chat()).buffer_unordered(4).collect().await;
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 20);
}

#[test]
fn a_multi_thread_runtime_mixes_up_no_ids() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let chat = || async {
        let id = steady_id().await;
        let mut tools = JoinSet::new();
        (0..3)
            .for_each(|_| drop(tools.spawn_in_context(steady_id().in_span_infallible(Span::tool("t", "1")))));
        while let Some(seen) = tools.join_next().await {
            assert_eq!(seen.unwrap(), id);
        }
        id
    };
    let tasks: Vec<_> = (0..200).map(|_| runtime.spawn(chat().in_span_infallible(Span::chat()))).collect();
    let ids = runtime.block_on(futures::future::try_join_all(tasks)).unwrap();
    assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 200);
}

#[tokio::test]
async fn the_callers_id_wins() {
    let given = || "req-42".parse().unwrap();
    let on_span = async { id_here() }.in_span_infallible(Span::step().request_id(given()));
    assert_eq!(on_span.in_span_infallible(Span::chat()).await.as_deref(), Some("req-42"));
    let in_scope = with_request_id(given(), async { id_here() }.in_span_infallible(Span::generate()));
    assert_eq!(in_scope.await.as_deref(), Some("req-42"));
    let by_key = span(allm_telemetry::SpanName::Chat, [("request_id", "req-42")], async {
        (id_here(), Metadata::new())
    });
    assert_eq!(by_key.await.as_deref(), Some("req-42"));
}

#[tokio::test]
async fn baggage_is_carried_and_sent_on_with_the_request_that_its_span_begins() {
    let propagation = Propagation::new().send_baggage(["user_id", "tenant"]);
    let sent = async || {
        let mut sent = Vec::new();
        Context::current().inject(&propagation, |name, value| sent.push(format!("{name}: {value}")));
        (sent, steady_id().await)
    };
    let tool = sent().in_span_infallible(Span::tool("t", "1").baggage("tenant", "acme"));
    let (sent, id) = tool.in_span_infallible(Span::chat().baggage("user_id", 7)).await;
    assert_eq!(sent, [format!("x-request-id: {id}"), "baggage: user_id=7,tenant=acme".to_owned()]);
    let both = Span::step().baggage("user_id", 1).request_id("req-42".parse().unwrap()).baggage("user_id", 2);
    let seen = async { (id_here(), Context::current().baggage("user_id").cloned()) };
    assert_eq!(seen.in_span_infallible(both).await, (Some("req-42".into()), Some(2.into())));
    assert!(Context::current().baggage("user_id").is_none());
}

#[tokio::test]
async fn a_stream_keeps_its_context_between_polls_and_leaks_none() {
    let mut ids = stream::poll_fn(|_| std::task::Poll::Ready(Some(id_here().unwrap())))
        .in_span_infallible(Span::stream());
    let first = ids.next().await.unwrap();
    assert_eq!(id_here(), None);
    let inside = async { (ids.next().await.unwrap(), id_here().unwrap()) };
    let (second, other) = inside.in_span_infallible(Span::chat()).await;
    assert!(first == second && second != other);
}

#[tokio::test]
async fn a_stream_wrapped_inside_a_request_belongs_to_it() {
    let inside = async {
        (
            stream::poll_fn(|_| std::task::Poll::Ready(Some(id_here()))).in_span_infallible(Span::stream()),
            id_here(),
        )
    };
    let (mut ids, own) = inside.in_span_infallible(Span::chat()).await;
    assert_eq!(ids.next().await.unwrap(), own);
    let opened = async {
        (
            Span::stream().open_infallible(async {
                id_here();
                ids
            }),
            id_here(),
        )
    };
    let (opening, own) = opened.in_span_infallible(Span::chat()).await;
    let elsewhere = async { opening.await.next().await.unwrap() }.in_span_infallible(Span::step());
    assert_ne!(elsewhere.await, own, "the inner stream keeps its own");
}

#[tokio::test]
async fn nothing_that_is_wrapped_changes() {
    assert!(async { Answer::<u8>::Err(refused()) }.in_span(Span::generate()).await.is_err());
    let mut items = stream::iter([1, 2]).in_span_infallible(Span::stream());
    assert_eq!((items.size_hint(), items.is_terminated()), ((2, Some(2)), false));
    assert_eq!(items.by_ref().collect::<Vec<_>>().await, [1, 2]);
    assert_eq!((items.next().await, items.is_terminated()), (None, true));
    let opened = Span::stream().open(async { Answer::Ok(stream::iter([Answer::Ok(1)])) }).await.unwrap();
    assert_eq!(opened.count().await, 1);
    assert_eq!(span_sync(allm_telemetry::SpanName::Tool, [("k", 1)], || (4, [("l", 1)])), 4);
}

#[tokio::test]
async fn panics_go_on_and_leave_no_context_behind() {
    let lost = async { std::panic::resume_unwind(Box::new("lost")) }.in_span_infallible(Span::chat());
    let payload = AssertUnwindSafe(lost).catch_unwind().await.map(|(): ()| ()).unwrap_err();
    assert_eq!((payload.downcast_ref::<&str>(), id_here()), (Some(&"lost"), None));
}

#[tokio::test]
async fn what_is_wrapped_is_dropped_in_its_context() {
    let seen = std::cell::RefCell::new(Vec::new());
    let look = || OnDrop(|| seen.borrow_mut().push(id_here()));
    let guard = look();
    let ready = async move { (id_here(), drop(guard)).0 }.in_span_infallible(Span::chat()).await;
    let guard = look();
    let mut cancelled =
        Box::pin(async move { (pending::<()>().await, drop(guard)) }.in_span_infallible(Span::step()));
    assert!(poll_once(&mut cancelled).is_pending());
    drop(cancelled);
    let seen = seen.borrow();
    assert!(seen[0] == ready && ready.is_some() && seen[1].is_some() && seen[0] != seen[1]);
}

#[tokio::test]
async fn no_closure_of_a_span_runs() {
    let span = || {
        Span::generate()
            .input(|| -> Value { panic!("input ran") })
            .error_type(|_: &std::io::Error| -> &str { panic!("it ran") })
    };
    let stopping = span().observe(|_: &u8, _| panic!("observe ran"));
    assert_eq!(async { Answer::Ok(4) }.in_span(stopping).await.unwrap(), 4);
    assert!(async { Answer::<u8>::Err(refused()) }.in_span(span()).await.is_err());
    let chunked = Span::stream().observe(|_: &u8, _| panic!("observe ran")).on_end(|_| panic!("on_end ran"));
    assert_eq!(stream::iter([1]).in_span_infallible(chunked).count().await, 1);
    let mut active = Span::chat().start();
    active.record(|_| panic!("record ran"));
    active.chunk(|_| panic!("chunk ran"));
    active.complete();
}

#[test]
fn it_works_without_a_runtime_and_in_a_scope() {
    let inside = Telemetry::new().scope(async { id_here() }.in_span_infallible(Span::chat()));
    assert_eq!(futures::executor::block_on(inside).map(|id| id.len()), Some(22));
    assert_eq!(Telemetry::new().scope(async { id_here() }).now_or_never(), Some(None));
}

#[tokio::test]
async fn spans_by_hand_carry_the_context_too() {
    let mut active = Span::chat().start();
    let (first, second) = (active.enter(id_here), active.enter(id_here));
    assert!(first.is_some() && first == second && id_here().is_none());
    assert_eq!(active.context().request_id().map(|id| id.to_string()), first);
}

#[tokio::test]
async fn two_requests_that_nobody_reads_have_two_ids_when_somebody_does() {
    let contexts: Vec<_> = stream::iter(0..100)
        .then(|_| async { Context::current() }.in_span_infallible(Span::chat()))
        .collect()
        .await;
    let ids: std::collections::HashSet<_> =
        contexts.iter().map(|it| it.request_id().unwrap().to_string()).collect();
    assert_eq!(ids.len(), 100);
    let again: std::collections::HashSet<_> =
        contexts.iter().map(|it| it.request_id().unwrap().to_string()).collect();
    assert_eq!(again, ids);
}

#[tokio::test]
async fn the_request_that_a_span_was_built_in_counts_wherever_it_is_awaited() {
    let built = || async { (async { id_here() }.in_span_infallible(Span::step()), id_here()) };
    let (step, own) = built().in_span_infallible(Span::chat()).await;
    assert_eq!(step.await, own);
    let (step, own) = built().in_span_infallible(Span::chat()).await;
    assert_eq!(step.in_span_infallible(Span::chat()).await, own);
    let (step, own) = built().in_span_infallible(Span::chat()).await;
    assert_eq!(with_request_id("req-42".parse().unwrap(), step).await, own);
    assert!(own.is_some_and(|id| id != "req-42"));
}

#[tokio::test]
async fn a_span_that_was_built_in_no_request_belongs_to_the_one_it_is_awaited_in() {
    let step = async { id_here() }.in_span_infallible(Span::step());
    let (inner, own) = async { (step.await, id_here()) }.in_span_infallible(Span::chat()).await;
    assert!(inner.is_some() && inner == own);
}

#[tokio::test]
async fn a_request_with_an_id_of_its_own_is_inside_the_request_that_it_was_opened_in() {
    let step = || async { id_here() }.in_span_infallible(Span::step());
    let given = || "req-42".parse().unwrap();
    let in_scope = async { with_request_id(given(), step()).await }.in_span_infallible(Span::chat());
    assert_eq!(in_scope.await.as_deref(), Some("req-42"));
    let on_span = async { step().in_span_infallible(Span::tool("t", "1").request_id(given())).await };
    assert_eq!(on_span.in_span_infallible(Span::chat()).await.as_deref(), Some("req-42"));
}
