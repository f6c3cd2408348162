//! The tree: whose child a span is.

use allm_telemetry::{Context, prelude::*, spawn, spawn_blocking};
use futures::{StreamExt as _, stream};
use opentelemetry::Context as OtelContext;
use opentelemetry::trace::{FutureExt as _, SpanContext, TraceContextExt as _, TraceFlags, Tracer as _};
use opentelemetry::trace::{SpanId, TraceId, TraceState};
use tokio::task::{JoinSet, yield_now};

use crate::world::World;

/// Built where it is first polled.
async fn tool(name: &'static str) {
    yield_now().in_span_infallible(Span::tool(name, "call_1")).await;
}

/// The span that is current.
fn current() -> SpanId {
    OtelContext::map_current(|cx| cx.span().span_context().span_id())
}

#[tokio::test]
async fn a_span_is_the_child_of_the_span_around() {
    let world = World::new();
    let work = async {
        async {
            yield_now().in_span_infallible(Span::generate().model("gpt-5")).await;
            tool("search").await;
        }
        .in_span_infallible(Span::step())
        .await;
    };
    world.run(work.in_span_infallible(Span::chat().agent_name("weekend"))).await;
    assert_eq!(
        world.tree(),
        [
            "chat gpt-5 < step",
            "execute_tool search < step",
            "invoke_agent weekend < nothing",
            "step < invoke_agent weekend"
        ]
    );
    let spans = world.spans();
    assert!(spans.iter().all(|it| it.span_context.trace_id() == spans[0].span_context.trace_id()));
}

#[tokio::test]
async fn the_ids_of_a_request_and_its_spans_lead_from_an_event_to_the_trace() {
    let world = World::new();
    world.run(tool("search")).await;
    let event = &world.capture.events()[0];
    let span = world.span("execute_tool search");
    assert_eq!(crate::world::text(&span, "allm.request_id"), event.as_event().request_id().unwrap());
    assert_eq!(crate::world::text(&span, "allm.span_id"), event.as_event().span_id().unwrap().to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_so_across_tasks_and_threads_that_the_context_was_carried_to() {
    let world = World::new();
    let work = async {
        spawn(tool("spawned")).await.unwrap();
        spawn_blocking(|| Span::tool("blocking", "2").start().complete()).await.unwrap();
        let mut set = JoinSet::new();
        set.spawn_in_context(tool("in a set"));
        tokio::spawn(tool("carried").in_current_context()).await.unwrap();
        // Built here, where the chat is current, and polled where nothing is.
        tokio::spawn(yield_now().in_span_infallible(Span::tool("built before", "5"))).await.unwrap();
        let context = Context::current();
        let thread = std::thread::spawn(move || context.run(|| Span::tool("thread", "6").start().complete()));
        thread.join().unwrap();
        while set.join_next().await.is_some() {}
    };
    world.run(work.in_span_infallible(Span::chat())).await;
    let tree = world.tree();
    assert_eq!(tree.len(), 7);
    for line in &tree[..6] {
        assert!(line.starts_with("execute_tool ") && line.ends_with(" < invoke_agent"), "{tree:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_span_goes_astray_among_many_threads() {
    let world = World::new();
    let one = |n: usize| {
        let name = format!("tool-{n}");
        let work = async move {
            for _ in 0..3 {
                let inner = yield_now().in_span_infallible(Span::tool(name.clone(), "1"));
                spawn(inner).await.unwrap();
                yield_now().await;
            }
        };
        work.in_span_infallible(Span::chat().agent_name(format!("agent-{n}")))
    };
    world
        .run(async { (0..40).map(|n| spawn(one(n))).collect::<stream::FuturesUnordered<_>>().count().await })
        .await;
    let mut expected: Vec<String> = (0..40)
        .flat_map(|n| {
            let tool = format!("execute_tool tool-{n} < invoke_agent agent-{n}");
            [tool.clone(), tool.clone(), tool, format!("invoke_agent agent-{n} < nothing")]
        })
        .collect();
    expected.sort();
    assert_eq!(world.tree(), expected);
}

#[tokio::test]
async fn neighbours_that_are_polled_in_turn_keep_their_own() {
    let world = World::new();
    let one = |name: &'static str| async move {
        yield_now().await;
        tool(name).await;
    };
    let work = futures::future::join(
        one("a").in_span_infallible(Span::chat().agent_name("a")),
        one("b").in_span_infallible(Span::chat().agent_name("b")),
    );
    world.run(work).await;
    assert_eq!(
        world.tree(),
        [
            "execute_tool a < invoke_agent a",
            "execute_tool b < invoke_agent b",
            "invoke_agent a < nothing",
            "invoke_agent b < nothing"
        ]
    );
    assert_eq!(current(), SpanId::INVALID);
}

#[tokio::test]
async fn a_span_of_the_user_stands_between_chat_and_tool() {
    let world = World::new();
    let tracer = world.tracer();
    let work = async {
        let mine = OtelContext::current_with_span(tracer.start("mine"));
        tool("search").with_context(mine).await;
        let mine = OtelContext::current_with_span(tracer.start("and on a task"));
        let spawned = async {
            spawn(yield_now().in_span_infallible(Span::tool("built here", "2"))).await.unwrap();
            // `spawn` carries our context, and nobody has carried the user's span.
            spawn(tool("built there")).await.unwrap();
        };
        spawned.with_context(mine).await;
    };
    world.run(work.in_span_infallible(Span::chat())).await;
    assert_eq!(
        world.tree(),
        [
            "and on a task < invoke_agent",
            "execute_tool built here < and on a task",
            "execute_tool built there < invoke_agent",
            "execute_tool search < mine",
            "invoke_agent < nothing",
            "mine < invoke_agent"
        ]
    );
}

#[tokio::test]
async fn a_span_of_the_user_that_is_opened_inside_nests_in_ours_on_every_poll_and_in_the_drop() {
    let world = World::new();
    let tracer = world.tracer();
    let work = async {
        tracer.in_span("before the wait", |_| ());
        let _last = crate::support::OnDrop(|| tracer.in_span("in the drop", |_| ()));
        yield_now().await;
        tracer.in_span("after the wait", |_| ());
        std::future::pending::<()>().await;
    };
    let work = Box::pin(work.in_span_infallible(Span::generate().model("gpt-5")));
    let timed_out =
        world.run(async { tokio::time::timeout(crate::support::ms(20), work).await.is_err() }).await;
    assert!(timed_out);
    assert_eq!(
        world.tree(),
        [
            "after the wait < chat gpt-5",
            "before the wait < chat gpt-5",
            "chat gpt-5 < nothing",
            "in the drop < chat gpt-5"
        ]
    );
}

#[tokio::test]
async fn a_span_of_the_user_nests_in_the_stream_that_is_polled() {
    let world = World::new();
    let tracer = world.tracer();
    let items = stream::iter(0..2).inspect(|_| tracer.in_span("item", |_| ()));
    let work = async {
        items
            .in_span_infallible(Span::stream().model("gpt-5"))
            .for_each(|_| async { assert_eq!(current(), SpanId::INVALID) })
            .await
    };
    world.run(work).await;
    assert_eq!(world.tree(), ["chat gpt-5 < nothing", "item < chat gpt-5", "item < chat gpt-5"]);
}

#[tokio::test]
async fn a_server_s_span_in_front_is_the_parent_also_one_from_afar() {
    let world = World::new();
    let afar = SpanContext::new(
        TraceId::from(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736),
        SpanId::from(0x00f0_67aa_0ba9_02b7),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    let came_in = OtelContext::new().with_remote_span_context(afar.clone());
    let request = async { tool("search").in_span_infallible(Span::chat()).await };
    world.run(request.with_context(came_in)).await;
    let chat = world.span("invoke_agent");
    assert_eq!((chat.span_context.trace_id(), chat.parent_span_id), (afar.trace_id(), afar.span_id()));
    assert!(chat.parent_span_is_remote);
    assert_eq!(world.tree()[0], "execute_tool search < invoke_agent");
}

#[tokio::test]
async fn a_tool_whose_task_lost_the_opentelemetry_context_is_the_child_of_the_span_around_all_the_same() {
    let world = World::new();
    let work = async {
        let nowhere = OtelContext::new();
        tool("search").with_context(nowhere).await;
        let _cleared = OtelContext::new().attach();
        Span::tool("built in none", "2").start().complete();
    };
    world.run(work.in_span_infallible(Span::chat())).await;
    assert_eq!(
        world.tree(),
        [
            "execute_tool built in none < invoke_agent",
            "execute_tool search < invoke_agent",
            "invoke_agent < nothing"
        ]
    );
}

#[tokio::test]
async fn spans_that_are_chained_from_the_inside_out_nest_from_the_outside_in() {
    let world = World::new();
    let server = OtelContext::current_with_span(world.tracer().start("server")).attach();
    world
        .run(
            yield_now()
                .in_span_infallible(Span::generate())
                .in_span_infallible(Span::step())
                .in_span_infallible(Span::chat()),
        )
        .await;
    drop(server);
    assert_eq!(
        world.tree(),
        ["chat < step", "invoke_agent < server", "server < nothing", "step < invoke_agent"]
    );
}

#[tokio::test]
async fn what_the_user_put_into_the_context_stays_in_it() {
    #[derive(Debug, PartialEq)]
    struct Tenant(&'static str);
    let world = World::new();
    let _mine = OtelContext::current_with_value(Tenant("acme")).attach();
    let seen = || OtelContext::map_current(|cx| cx.get::<Tenant>().is_some());
    let work = async move { async move { seen() }.in_span_infallible(Span::tool("t", "1")).await && seen() };
    assert!(world.run(work.in_span_infallible(Span::chat())).await);
}

#[tokio::test]
async fn where_telemetry_is_suppressed_no_span_is_made() {
    let world = World::new();
    let work = async {
        let quiet = OtelContext::current().with_telemetry_suppressed();
        tool("of an exporter").with_context(quiet.clone()).await;
        let _quiet = quiet.attach();
        Span::tool("built there", "1").start().complete();
    };
    world.run(work.in_span_infallible(Span::chat())).await;
    assert!(world.tree().contains(&"invoke_agent < nothing".to_owned()));
    assert!(!world.tree().iter().any(|line| line.contains("built there")), "{:?}", world.tree());
}
