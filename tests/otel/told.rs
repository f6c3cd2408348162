//! What leaves: no content, and none of the user's keys, until a policy says so.

use std::panic::AssertUnwindSafe;

use allm_telemetry::{Content, Policy, adapter_retry, convention::Convention, event::Value, prelude::*};
use futures::FutureExt as _;
use opentelemetry::trace::Status;

use crate::support::ms;
use crate::world::{World, attribute, text};

/// All that was sent, as text.
fn sent(world: &World) -> String {
    world.meters.force_flush().unwrap();
    format!("{:?} {:?}", world.spans(), world.measured())
}

fn world(policy: Policy) -> World {
    World::with(|otel| otel.convention(Convention::new().policy(policy)))
}

async fn a_call(world: &World) {
    let work = async {
        adapter_retry(1, ms(1), "secret reason");
        Err::<(), _>(std::io::Error::other("secret error"))
    };
    let span = Span::generate()
        .model("gpt-5")
        .input(|| "secret question")
        .output(|_: &()| "secret answer")
        .metadata("tenant", "secret tenant");
    let _ = world.run(work.in_span(span)).await;
    let panics = async { std::panic::resume_unwind(Box::new("secret panic".to_owned())) };
    let panics = panics.in_span_infallible(Span::tool("t", "1"));
    let _: Result<(), _> = world.run(AssertUnwindSafe(panics).catch_unwind()).await;
}

#[tokio::test]
async fn nothing_of_it_by_default() {
    let world = World::new();
    a_call(&world).await;
    let sent = sent(&world);
    assert!(!sent.contains("secret"), "{sent}");
}

#[tokio::test]
async fn a_field_that_is_let_out_leaves_as_the_redactor_gives_it_and_no_other_does() {
    let policy = Policy::new()
        .content(Content::INPUT, |_, value| Some(value.to_string().replace("secret", "polite").into()));
    let world = world(policy);
    a_call(&world).await;
    let sent = sent(&world);
    assert!(!sent.contains("secret"), "{sent}");
    assert_eq!(text(&world.span("chat gpt-5"), "input.value"), "polite question");
    assert!(attribute(&world.span("chat gpt-5"), "output.value").is_none());
}

#[tokio::test]
async fn a_redactor_that_panics_lets_nothing_through_and_the_bridge_goes_on() {
    let policy = Policy::new().content(Content::ALL, |_, _| -> Option<Value> { crate::support::lost() });
    let world = world(policy);
    a_call(&world).await;
    let sent = sent(&world);
    assert!(!sent.contains("secret"), "{sent}");
    assert_eq!(world.spans().len(), 2);
    assert!(world.capture.named("telemetry.handler.failure").is_empty());
}

#[tokio::test]
async fn texts_of_errors_retries_and_panics_leave_with_their_field() {
    let world = world(Policy::new().content_unredacted(Content::ERROR));
    a_call(&world).await;
    let sent = sent(&world);
    for told in ["secret reason", "secret panic", "secret error"] {
        assert!(sent.contains(told), "no {told} in {sent}");
    }
    assert_eq!(world.span("chat gpt-5").status, Status::error("secret error"));
    assert!(!sent.contains("secret question") && !sent.contains("secret tenant"), "{sent}");
}

#[tokio::test]
async fn a_redactor_may_use_the_span_that_is_current() {
    use opentelemetry::trace::TraceContextExt as _;
    let policy = Policy::new().content(Content::ALL, |_, _| {
        let recording = opentelemetry::Context::map_current(|cx| cx.span().is_recording());
        Some(recording.to_string().into())
    });
    let world = world(policy);
    a_call(&world).await;
    assert_eq!(world.spans().len(), 2);
}

#[tokio::test]
async fn a_key_of_the_user_leaves_when_it_is_named() {
    let world = world(Policy::new().user_keys(["tenant"]));
    a_call(&world).await;
    assert_eq!(text(&world.span("chat gpt-5"), "tenant"), "secret tenant");
}
