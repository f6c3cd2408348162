//! What a span takes from the spans and scopes around it: start keys, and baggage.

use std::time::Duration;

use allm_telemetry::{
    Context, SpanName,
    event::{Entry, OwnedEvent, Phase, Value},
    prelude::*,
    testing::Capture,
    with_baggage, with_request_id,
};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use tokio::task::JoinSet;

use crate::support::*;

async fn call() {
    async {}.in_span_infallible(Span::generate()).await;
}

const INHERITED: [&str; 4] = ["engine", "provider", "agent_name", "conversation_id"];

/// The inherited keys of the one call. A key that is not there is `None`.
#[track_caller]
fn inherited(capture: &Capture) -> [Option<String>; 4] {
    let call = the(capture, SpanName::Generate, Phase::Start);
    let end = end_of(capture, SpanName::Generate);
    INHERITED.map(|key| {
        let text = |event: &OwnedEvent| Some(event.as_event().metadata(key)?.as_str()?.to_owned());
        assert_eq!(text(&call), text(&end), "every event has it");
        text(&call)
    })
}

fn texts(texts: [&str; 4]) -> [Option<String>; 4] {
    texts.map(|text| Some(text.to_owned()))
}

fn conversation() -> Span {
    Span::chat().engine("rig").provider("openai").agent_name("weekend").conversation_id("c-1")
}

#[tokio::test]
async fn a_call_has_the_conversation_and_the_agent_of_the_chat_around_it() {
    let capture = Capture::new();
    capture.scope(call().in_span_infallible(conversation())).await;
    assert_eq!(inherited(&capture), texts(["rig", "openai", "weekend", "c-1"]));
}

#[tokio::test]
async fn they_are_inherited_through_spans_that_set_none_and_across_tasks() {
    let capture = Capture::new();
    let deep = async {
        let spawned = allm_telemetry::spawn(call()).map(Result::unwrap);
        spawned.in_span_infallible(Span::tool("t", "1")).in_span_infallible(Span::step()).await;
    };
    let scoped = with_request_id("other".parse().unwrap(), deep);
    capture.scope(scoped.in_span_infallible(conversation())).await;
    assert_eq!(inherited(&capture), texts(["rig", "openai", "weekend", "c-1"]));
}

#[tokio::test]
async fn the_nearest_span_that_sets_one_wins_and_an_empty_text_sets_none() {
    let capture = Capture::new();
    let own = Span::generate().agent_name("planner").engine("").provider("");
    let step =
        Span::step().conversation_id("c-2").agent_name("").metadata("engine", "").metadata("provider", "");
    let work = async {}.in_span_infallible(own).in_span_infallible(step);
    capture.scope(work.in_span_infallible(conversation())).await;
    assert_eq!(inherited(&capture), texts(["rig", "openai", "planner", "c-2"]));
}

#[tokio::test]
async fn an_empty_text_in_the_metadata_is_absent() {
    let capture = Capture::new();
    let keys = ["engine", "model", "provider", "agent_name", "conversation_id"];
    let span = keys.into_iter().fold(Span::generate(), |span, key| span.metadata(key, ""));
    capture.scope(async {}.in_span_infallible(span)).await;
    let call = end_of(&capture, SpanName::Generate);
    assert_eq!((value(&call, "engine"), value(&call, "model")), (Value::Null, Value::Null));
    assert!(keys[2..].iter().all(|key| call.as_event().metadata(key).is_none()), "{call:?}");
}

/// The user-defined keys of the events of a span, which are the same in all of them.
#[track_caller]
fn user_keys(capture: &Capture, span: SpanName) -> Vec<(String, Value)> {
    let mut events = capture.events();
    events.retain(|event| event.as_event().span() == Some(span));
    let of = |event: &OwnedEvent| {
        keys(&event.as_event());
        let user = |entry: Entry<'_>| entry.from_user.then(|| (entry.key.to_owned(), entry.value.to_value()));
        event.as_event().metadata_entries().filter_map(user).collect::<Vec<_>>()
    };
    let first = of(events.first().expect("an event of this span"));
    assert!(events.iter().all(|event| of(event) == first), "{events:?}");
    first
}

fn pairs<V: Into<Value>, const N: usize>(pairs: [(&str, V); N]) -> Vec<(String, Value)> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
}

#[tokio::test]
async fn baggage_is_in_the_metadata_of_the_span_that_adds_it_and_of_every_span_inside() {
    let capture = Capture::new();
    let work = async {
        allm_telemetry::spawn(call()).await.unwrap();
        let closure = (|| Span::embed(1).start().complete()).in_current_context();
        std::thread::spawn(closure).join().unwrap();
        let context = Context::current();
        std::thread::spawn(move || context.run(|| Span::rerank(1).start().complete())).join().unwrap();
        let mut set = JoinSet::new();
        set.spawn_in_context(async {}.in_span_infallible(Span::tool("t", "1")));
        set.join_next().await.unwrap().unwrap();
        tokio::spawn(async {}.in_span_infallible(Span::step())).await.unwrap();
    };
    capture
        .scope(work.in_span_infallible(Span::chat().baggage("user_id", "u-1").baggage("paid", true)))
        .await;
    let expected = [("user_id".to_owned(), "u-1".into()), ("paid".to_owned(), true.into())];
    for span in [
        SpanName::Chat,
        SpanName::Generate,
        SpanName::Embed,
        SpanName::Rerank,
        SpanName::Tool,
        SpanName::Step,
    ] {
        assert_eq!(user_keys(&capture, span), expected, "{span}");
    }
    capture.scope(async {}.in_span_infallible(Span::moderate(1, false))).await;
    assert_eq!(user_keys(&capture, SpanName::Moderate), [], "it does not leak");
}

#[tokio::test]
async fn tokens_can_be_summed_by_a_user_that_only_the_chat_names() {
    let capture = Capture::new();
    let observe = |tokens: &u64, record: &mut Record<'_>| record.usage(Usage::new().output(*tokens));
    let answer = async {
        let tokens = stream::iter([1_u64, 2]).in_span_infallible(Span::stream().observe(observe));
        tokens.count().await
    };
    capture.scope(answer.in_span_infallible(Span::chat().baggage("user_id", "u-1"))).await;
    let end = end_of(&capture, SpanName::Stream);
    let tokens = end.as_event().usage().and_then(|usage| usage.output_tokens());
    assert_eq!((text(&end, "user_id"), tokens), ("u-1".into(), Some(2)));
}

#[tokio::test]
async fn what_a_span_sets_or_records_itself_wins_over_baggage() {
    let capture = Capture::new();
    let span =
        Span::generate().metadata("tenant", "own").on_end(|record| record.metadata("user_id", "recorded"));
    let work = async {}.in_span_infallible(span);
    let chat = Span::chat().baggage("tenant", "acme").baggage("user_id", "u-1").baggage("feature", "search");
    capture.scope(work.in_span_infallible(chat)).await;
    let start = the(&capture, SpanName::Generate, Phase::Start);
    let end = end_of(&capture, SpanName::Generate);
    assert_eq!(
        [text(&start, "tenant"), text(&start, "user_id"), text(&start, "feature")],
        ["own", "u-1", "search"]
    );
    assert_eq!(
        [text(&end, "tenant"), text(&end, "user_id"), text(&end, "feature")],
        ["own", "recorded", "search"]
    );
    keys(&end.as_event());
}

#[tokio::test]
async fn the_latest_baggage_of_a_key_wins_inside_and_is_gone_outside() {
    let capture = Capture::new();
    let work = async {
        with_baggage([("tenant", "inner"), ("tenant", "innermost")], call()).await;
        async {}.in_span_infallible(Span::embed(1)).await;
    };
    let span = Span::chat().baggage("tenant", "outer").baggage("tenant", "later");
    capture.scope(work.in_span_infallible(span)).await;
    assert_eq!(user_keys(&capture, SpanName::Generate), pairs([("tenant", "innermost")]));
    assert_eq!(user_keys(&capture, SpanName::Embed), pairs([("tenant", "later")]));
}

#[tokio::test]
async fn baggage_cannot_forge_a_standard_key() {
    let capture = Capture::new();
    let forged = [
        "request_id",
        "span_id",
        "parent_span_id",
        "engine",
        "model",
        "provider",
        "outcome",
        "error",
        "error_type",
        "input",
        "output",
        "response",
        "usage",
        "usage_status",
        "attempts",
        "finish_reasons",
        "temperature",
        "chat_result",
    ];
    let baggage: allm_telemetry::event::Metadata = forged.into_iter().map(|key| (key, "forged")).collect();
    let work = async {
        call().await;
        let failing = async { Err::<(), _>("no") };
        let _ = failing.in_span(Span::step()).await;
    };
    capture.scope(with_baggage(baggage, work.in_span_infallible(Span::chat()))).await;
    for event in capture.events() {
        let event = event.as_event();
        keys(&event);
        let own = event.span().unwrap().row();
        for entry in event.metadata_entries().filter(|entry| entry.value.as_str() == Some("forged")) {
            // A result of another span is no standard key here.
            assert!(entry.from_user && !own.result_keys.contains(&entry.key), "{entry:?}");
            assert!(
                ["response", "attempts", "finish_reasons", "chat_result"].contains(&entry.key),
                "{entry:?}"
            );
        }
    }
}

#[tokio::test]
async fn baggage_passes_through_spans_that_nobody_observes() {
    let telemetry = allm_telemetry::Telemetry::new();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = seen.clone();
    telemetry
        .attach("calls", "allm.generate.start", move |event: &Event<'_>| {
            let text = |key| event.metadata(key).map(|value| value.to_string());
            keep.lock().unwrap().push((text("user_id"), text("tenant"), text("feature")));
        })
        .unwrap();
    let inner = with_baggage([("feature", "search")], call());
    let chat = inner.in_span_infallible(Span::chat().baggage("user_id", 7));
    telemetry.scope(with_baggage([("tenant", "acme")], chat)).await;
    let expected = (Some("7".to_owned()), Some("acme".to_owned()), Some("search".to_owned()));
    assert_eq!(*seen.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn where_nobody_listens_a_span_with_baggage_begins_a_request_as_any_other() {
    let here = || async {
        let context = Context::current();
        (context.baggage("user_id").cloned(), context.request_id().is_some(), id_here() == id_here())
    };
    let expected = (Some("u-1".into()), true, true);
    assert_eq!(here().in_span_infallible(Span::chat().baggage("user_id", "u-1")).await, expected);
    let nested =
        here().in_span_infallible(Span::step()).in_span_infallible(Span::chat().baggage("user_id", "u-1"));
    assert_eq!(nested.await, expected);
    let both = Span::chat().baggage("user_id", "u-1").request_id("req-42".parse().unwrap());
    let (baggage, id) = async { (here().await.0, id_here()) }.in_span_infallible(both).await;
    assert_eq!((baggage, id.as_deref()), (expected.0, Some("req-42")));
    assert_eq!(with_baggage([("user_id", "u-1")], here()).await, (Some("u-1".into()), false, true));
    assert_eq!(with_baggage([("", 1); 0], here()).await, (None, false, true));
}

/// Every order of four scopes around a call, all built in the same place.
fn orders(capture: &Capture) -> Vec<BoxFuture<'static, ()>> {
    let scope = |which: u8, work: BoxFuture<'static, ()>| match which {
        0 => capture.scope(work).boxed(),
        1 => with_request_id("req-42".parse().unwrap(), work).boxed(),
        2 => with_baggage([("tenant", "acme")], work).boxed(),
        _ => work.in_current_context().boxed(),
    };
    let mut orders = Vec::new();
    for code in 0..256_u32 {
        let order = [0, 1, 2, 3].map(|place| (code >> (2 * place)) as u8 & 3);
        if (0..4).all(|which| order.contains(&which)) {
            orders.push(order.into_iter().fold(call().boxed(), |work, which| scope(which, work)));
        }
    }
    assert_eq!(orders.len(), 24);
    orders
}

#[tokio::test]
async fn a_scope_of_baggage_composes_with_the_others_in_any_order() {
    for (spawned, number) in (0..24).map(|number| (false, number)).chain((0..24).map(|number| (true, number)))
    {
        let capture = Capture::new();
        let work = orders(&capture).swap_remove(number);
        if spawned {
            tokio::spawn(work).await.unwrap()
        } else {
            work.await
        }
        assert_eq!(capture.of_request("req-42").len(), 2, "order {number}, spawned: {spawned}");
        assert_eq!(user_keys(&capture, SpanName::Generate), pairs([("tenant", "acme")]), "order {number}");
    }
}

#[tokio::test]
async fn a_place_that_has_only_baggage_is_a_place_and_is_never_split() {
    let capture = Capture::new();
    let built = with_baggage([("tenant", "acme")], async { (call().boxed(), call().in_current_context()) });
    let (unwrapped, carried) = capture.scope(built).await;
    let other = Span::chat().baggage("tenant", "other").baggage("user_id", "u-1");
    let polled = async { (unwrapped.await, carried.await) };
    capture.scope(polled.in_span_infallible(other)).await;
    let mut calls = capture.events();
    calls.retain(|event| event.as_event().name().as_str() == "allm.generate.start");
    assert_eq!((text(&calls[0], "tenant"), text(&calls[0], "user_id")), ("other".into(), "u-1".into()));
    assert_eq!(text(&calls[1], "tenant"), "acme");
    assert!(
        calls[1].as_event().metadata("user_id").is_none() && calls[1].as_event().parent_span_id().is_none()
    );
    let chat = the(&capture, SpanName::Chat, Phase::Start);
    assert_ne!(request_of(&calls[1]), request_of(&chat));
}

#[tokio::test]
async fn baggage_reaches_any_depth() {
    fn nested(level: u16) -> BoxFuture<'static, ()> {
        let inner = async move {
            if level > 0 {
                nested(level - 1).await;
            }
        };
        inner.in_span_infallible(Span::step()).boxed()
    }
    let capture = Capture::new();
    capture.scope(nested(299).in_span_infallible(Span::chat().baggage("tenant", "acme"))).await;
    let starts = capture.named("allm.step.start");
    assert_eq!(starts.len(), 300);
    assert!(starts.iter().all(|start| text(start, "tenant") == "acme"));
}

#[tokio::test]
async fn a_scope_of_baggage_that_was_never_polled_is_dropped_with_it() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
    let keep = seen.clone();
    let guard = OnDrop(move || *keep.lock().unwrap() = Context::current().baggage("tenant").cloned());
    drop(with_baggage([("tenant", "acme")], async move { drop(guard) }));
    assert_eq!(*seen.lock().unwrap(), Some("acme".into()));
}

#[tokio::test]
async fn a_retry_has_the_keys_of_the_catalogue_and_no_baggage() {
    let capture = Capture::new();
    let work = async { allm_telemetry::adapter_retry(1, Duration::from_millis(5), "429") };
    capture.scope(work.in_span_infallible(Span::generate().baggage("tenant", "acme"))).await;
    let retry = capture.named("allm.adapter.retry").remove(0);
    assert!(retry.as_event().metadata("tenant").is_none(), "{retry:?}");
}
