//! Tokens stand on one span of a nested pair, and are counted once.

use allm_telemetry::{SpanName, event::OwnedEvent, prelude::*};
use futures::{StreamExt as _, stream};

use crate::world::{World, attribute};

fn usage() -> Usage {
    Usage::new().input(100).output(20)
}

fn generate(model: &'static str) -> Span {
    Span::generate().model(model)
}

/// A call that tells its tokens.
async fn called(model: &'static str) {
    let span = generate(model).observe(|_: &(), record: &mut Record<'_>| record.usage(usage()));
    async {}.in_span_infallible(span).await;
}

/// The names of the spans that tell tokens.
fn tell(world: &World) -> Vec<String> {
    let told = |key| move |span: &opentelemetry_sdk::trace::SpanData| attribute(span, key).is_some();
    let mut names: Vec<String> = Vec::new();
    for span in world.spans() {
        let (otel, openinference) =
            (told("gen_ai.usage.input_tokens")(&span), told("llm.token_count.prompt")(&span));
        assert_eq!(otel, openinference);
        if otel {
            names.push(span.name.to_string());
        }
    }
    names
}

fn counted(world: &World) -> f64 {
    let measured = world.measured();
    measured.get("gen_ai.client.token.usage").map_or(0.0, |it| it.points.iter().map(|point| point.sum).sum())
}

#[tokio::test]
async fn a_generate_that_wraps_a_stream_leaves_the_tokens_to_it() {
    let world = World::new();
    let work = async {
        let chunks =
            Span::stream().model("inner").observe(|_: &i32, record: &mut Record<'_>| record.usage(usage()));
        stream::iter([1, 2]).in_span_infallible(chunks).count().await
    };
    let outer = generate("outer").observe(|_: &usize, record: &mut Record<'_>| record.usage(usage()));
    world.run(work.in_span_infallible(outer)).await;
    assert_eq!(world.tree(), ["chat inner < chat outer", "chat outer < nothing"]);
    assert_eq!(tell(&world), ["chat inner"]);
    assert_eq!(counted(&world), 120.0);
    let stops: Vec<OwnedEvent> =
        world.capture.named(SpanName::Generate.event(allm_telemetry::event::Phase::Stop).as_str());
    assert_eq!(stops[0].as_event().usage(), Some(&usage()), "the events themselves keep it");
}

#[tokio::test]
async fn a_call_inside_a_tool_counts_beside_the_call_around_the_tool() {
    let world = World::new();
    let deep = called("deep").in_span_infallible(Span::tool("t", "1")).in_span_infallible(generate("silent"));
    let outer = generate("outer").observe(|_: &(), record: &mut Record<'_>| record.usage(usage()));
    world.run(deep.in_span_infallible(outer)).await;
    assert_eq!(world.tree().len(), 4);
    assert_eq!(tell(&world), ["chat deep", "chat outer"]);
    assert_eq!(counted(&world), 240.0);
}

#[tokio::test]
async fn calls_side_by_side_each_tell_their_own() {
    let world = World::new();
    let work = async {
        called("a").await;
        called("b").await;
    };
    world.run(work.in_span_infallible(Span::chat())).await;
    assert_eq!(tell(&world), ["chat a", "chat b"]);
    assert_eq!(counted(&world), 240.0);
}

#[tokio::test]
async fn the_outer_tells_them_when_the_inner_knows_none() {
    let world = World::new();
    let outer = generate("outer").observe(|_: &(), record: &mut Record<'_>| record.usage(usage()));
    world.run(async {}.in_span_infallible(generate("inner")).in_span_infallible(outer)).await;
    assert_eq!(world.tree()[0], "chat inner < chat outer");
    assert_eq!(tell(&world), ["chat outer"]);
}

#[tokio::test]
async fn an_inner_call_that_ends_after_the_outer_has_told_them_tells_none() {
    let world = World::new();
    let (go, wait) = tokio::sync::oneshot::channel::<()>();
    let work = async {
        let late = async { wait.await.unwrap() };
        let span = generate("late").observe(|_: &(), record: &mut Record<'_>| record.usage(usage()));
        [allm_telemetry::spawn(late.in_span_infallible(span))]
    };
    let outer = generate("outer")
        .observe(|_: &[tokio::task::JoinHandle<()>; 1], record: &mut Record<'_>| record.usage(usage()));
    let [late] = world.run(work.in_span_infallible(outer)).await;
    go.send(()).unwrap();
    late.await.unwrap();
    assert_eq!(world.tree(), ["chat late < chat outer", "chat outer < nothing"]);
    assert_eq!(tell(&world), ["chat outer"]);
}
