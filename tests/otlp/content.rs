//! No content leaves: every byte that arrived is searched.

use std::fmt;
use std::panic::AssertUnwindSafe;

use allm_telemetry::{Content, Policy, adapter_retry, convention::Convention, event::Value, prelude::*};
use futures::{FutureExt as _, StreamExt as _, stream};

use crate::support::ms;
use crate::world::*;

/// An error whose text and whose source hold a secret.
#[derive(Debug)]
struct Telling(std::io::Error);

impl fmt::Display for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("secret-error")
    }
}

impl std::error::Error for Telling {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Everywhere where there can be content, there is a secret.
async fn a_talk() {
    let chat = Span::chat()
        .agent_name("weekend")
        .input(|| "secret-prompt")
        .output(|_: &()| "secret-reply")
        .observe(|_: &(), record: &mut Record<'_>| record.result(|| "secret-result"))
        .metadata("tenant", "secret-tenant");
    async {
        let stream = Span::stream().model("gpt-5").observe(|chunk: &&str, record: &mut Record<'_>| {
            record.push_output(|| *chunk);
            record.finish_reason("stop");
        });
        stream::iter(["secret-", "chunk"]).in_span_infallible(stream).count().await;
        adapter_retry(1, ms(1), "secret-reason");
        let tool = Span::tool("search", "call_1")
            .input(|| "secret-arguments")
            .observe(|_: &&str, record: &mut Record<'_>| record.result(|| "secret-answer"));
        async { "secret-answer" }.in_span_infallible(tool).await;
        let failing = async { Err::<(), _>(Telling(std::io::Error::other("secret-source"))) };
        assert!(failing.in_span(Span::generate()).await.is_err());
        let panicking = async { std::panic::resume_unwind(Box::new("secret-panic".to_owned())) };
        let panicking: Result<(), _> =
            AssertUnwindSafe(panicking.in_span_infallible(Span::tool("broken", "2"))).catch_unwind().await;
        assert!(panicking.is_err());
    }
    .in_span_infallible(chat)
    .await;
}

/// All that arrived, as text.
async fn sent(by: By, policy: Policy) -> String {
    let world = World::told(by, Convention::new().policy(policy), |otlp| otlp);
    world.capture.scope(a_talk()).await;
    let report = world.flush().await;
    assert_eq!(report.spans.exported, 5, "{report}");
    assert!(world.capture.named("telemetry.handler.failure").is_empty());
    String::from_utf8_lossy(&world.receiver.bytes()).into_owned()
}

const SECRETS: [&str; 11] = [
    "secret-answer",
    "secret-arguments",
    "secret-chunk",
    "secret-error",
    "secret-panic",
    "secret-prompt",
    "secret-reason",
    "secret-reply",
    "secret-result",
    "secret-source",
    "secret-tenant",
];

/// Which of them are in it. In protobuf no text has an end that can be seen.
fn secrets(sent: &str) -> Vec<&'static str> {
    let known = |rest: &str| SECRETS.iter().any(|secret| rest.starts_with(secret));
    assert!(sent.match_indices("secret-").all(|(at, _)| known(&sent[at..])), "an unknown one: {sent}");
    SECRETS.into_iter().filter(|secret| sent.contains(secret)).collect()
}

#[tokio::test]
async fn no_byte_of_it_leaves_by_default() {
    for by in [By::Http, By::Grpc] {
        let sent = sent(by, Policy::new()).await;
        assert!(sent.contains("gpt-5") && sent.contains("search"), "the search itself works");
        assert_eq!(secrets(&sent), [""; 0], "{by:?}");
    }
}

#[tokio::test]
async fn each_field_leaves_when_it_is_let_out_and_no_other() {
    let sent_with = |fields| sent(By::Http, Policy::new().content_unredacted(fields));
    assert_eq!(secrets(&sent_with(Content::INPUT).await), ["secret-arguments", "secret-prompt"]);
    let output = sent_with(Content::OUTPUT).await;
    assert_eq!(secrets(&output), ["secret-answer", "secret-chunk", "secret-reply"]);
    let error = sent_with(Content::ERROR).await;
    assert_eq!(secrets(&error), ["secret-error", "secret-panic", "secret-reason"]);
    let named = sent(By::Http, Policy::new().user_keys(["tenant"])).await;
    assert_eq!(secrets(&named), ["secret-tenant"]);
}

#[tokio::test]
async fn with_all_let_out_only_what_the_redactor_gives_leaves() {
    let redact = |_: &str, value: allm_telemetry::event::ValueRef<'_>| -> Option<Value> {
        Some(value.to_string().replace("secret-", "REDACTED-").into())
    };
    let sent = sent(By::Http, Policy::new().content(Content::ALL, redact)).await;
    assert_eq!(secrets(&sent), [""; 0]);
    assert!(sent.contains("REDACTED-prompt") && sent.contains("REDACTED-error"), "{sent}");
}

#[tokio::test]
async fn a_redactor_that_panics_lets_nothing_through() {
    let policy = Policy::new().content(Content::ALL, |_, _| -> Option<Value> { crate::support::lost() });
    assert_eq!(secrets(&sent(By::Http, policy).await), [""; 0]);
}
