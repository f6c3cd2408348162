//! A subscriber that panics, anywhere, harms nobody: the bridge is detached and reported, the call goes on.

use std::panic::resume_unwind;

use allm_telemetry::bridge::tracing::Tracing;
use allm_telemetry::testing::Capture;
use allm_telemetry::{Content, Policy, adapter_retry, convention::Convention, prelude::*};
use futures::FutureExt as _;
use tokio::task::yield_now;
use tracing::dispatcher::{Dispatch, set_default};
use tracing::span::{Attributes, Id, Record as Recorded};
use tracing::{Event as Told, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Registry};

use crate::recorded;
use crate::support::*;

/// Panics in one of its methods when it concerns us.
struct Broken(&'static [&'static str]);

impl Broken {
    fn touch(&self, method: &str, metadata: &Metadata<'_>) {
        if self.0.contains(&method) && metadata.target() == Tracing::TARGET {
            resume_unwind(Box::new("a broken layer"));
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Broken {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.touch("new", attributes.metadata());
    }

    fn on_record(&self, id: &Id, _: &Recorded<'_>, cx: Context<'_, S>) {
        self.touch("record", cx.metadata(id).unwrap());
    }

    fn on_event(&self, event: &Told<'_>, _: Context<'_, S>) {
        self.touch("event", event.metadata());
    }

    fn on_enter(&self, id: &Id, cx: Context<'_, S>) {
        self.touch("enter", cx.metadata(id).unwrap());
    }

    fn on_exit(&self, id: &Id, cx: Context<'_, S>) {
        self.touch("exit", cx.metadata(id).unwrap());
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        self.touch("close", cx.metadata(&id).unwrap());
    }
}

/// A capture, with the bridge to a broken subscriber beside it.
fn broken(methods: &'static [&'static str]) -> (Capture, tracing::dispatcher::DefaultGuard) {
    let capture = Capture::new();
    Tracing::new().attach("tracing", capture.telemetry()).unwrap();
    (capture, set_default(&Dispatch::new(Registry::default().with(Broken(methods)))))
}

#[track_caller]
fn assert_detached(capture: &Capture, methods: &[&str]) {
    capture.assert_balanced();
    let failures = capture.named("telemetry.handler.failure");
    let told: Vec<_> = failures.iter().map(|it| (text(it, "handler_id"), text(it, "reason"))).collect();
    assert_eq!(told, [("tracing".to_owned(), "a broken layer".to_owned())], "{methods:?}");
    assert!(capture.telemetry().detach("tracing").is_err(), "{methods:?}");
    assert!(tracing::Span::current().is_none(), "{methods:?}: the thread stayed inside");
}

const METHODS: [&[&str]; 6] = [&["new"], &["record"], &["event"], &["enter"], &["exit"], &["close"]];

#[tokio::test]
async fn a_subscriber_that_panics_anywhere_does_not_harm_the_call() {
    for methods in METHODS {
        let (capture, _guard) = broken(methods);
        let call = async {
            yield_now().await;
            adapter_retry(1, ms(1), "reset");
            "an answer"
        };
        assert_eq!(capture.scope(call.in_span_infallible(Span::generate())).await, "an answer");
        assert_detached(&capture, methods);
    }
}

#[tokio::test]
async fn a_subscriber_that_panics_again_and_again_while_the_call_panics_does_not_abort() {
    for methods in [&["enter", "exit", "close"][..], &["exit", "close"], &["record", "exit", "close"]] {
        let (capture, _guard) = broken(methods);
        let call = async { lost::<()>() }.in_span_infallible(Span::generate());
        assert_eq!(panic_text(|| capture.scope(call).now_or_never()), "lost");
        assert_detached(&capture, methods);
    }
}

#[test]
fn a_redactor_that_panics_lets_nothing_through() {
    let policy = Policy::new().content(Content::ALL, |_, _| resume_unwind(Box::new("a broken redactor")));
    let convention = Convention::new().policy(policy);
    let (telemetry, recorder, _guard) = recorded(Tracing::new().convention(convention));
    telemetry.run(|| {
        let mut span = Span::generate().input(|| "hunter2").start();
        span.record(|record| record.output(|| "hunter2"));
        span.error("denied", "hunter2");
    });
    let fields = recorder.the("generate");
    assert_eq!((&*fields["allm.outcome"], &*fields["error.type"]), ("error", "denied"));
    assert!(!format!("{fields:?}").contains("hunter2"), "{fields:?}");
}
