//! The traffic of a service with an agent, without a network: turns with streamed answers and tools, some of which
//! are retried, dropped by their consumers, or fail.

use std::time::Duration;

use allm_telemetry::{Usage, prelude::*, retry_notifier_with};
use futures::{Stream, StreamExt, stream};
use tokio::time::{sleep, timeout};

type Outcome<T> = Result<T, String>;

const TENANTS: [&str; 3] = ["acme", "globex", "initech"];

/// Runs until the process ends.
pub(crate) async fn run() {
    let users = TENANTS.map(|tenant| async move {
        for turn in 0.. {
            // The metrics report the outcome.
            let _ = take_turn(tenant, turn).await;
        }
    });
    futures::future::join_all(users).await;
}

async fn take_turn(tenant: &'static str, turn: u32) -> Outcome<()> {
    let steps = async {
        answer(tenant, turn).await?;
        tool(turn).in_span(Span::tool(["calendar", "weather"][turn as usize % 2], "call_1")).await?;
        answer(tenant, turn + 1).await
    };
    let in_time = timeout(Duration::from_millis(400), steps);
    async { in_time.await.map_err(|_| "too slow".to_owned())? }
        .in_span(Span::chat().agent_name("helper").error_type(|_: &String| "turn_failed"))
        .await
}

/// One streamed answer. Every seventh is dropped after three tokens.
async fn answer(tenant: &'static str, turn: u32) -> Outcome<()> {
    let tokens = Span::stream()
        .engine("openai")
        .model(["gpt-5", "gpt-5-mini"][turn as usize % 2])
        .metadata("tenant", tenant)
        .error_type(|_: &String| "overloaded")
        .observe(|token: &&str, record| {
            if token.is_empty() {
                record.content_free();
                record.usage(Usage::new().input(120_u64).output(5_u64));
            }
        })
        .open(request(turn))
        .await?;
    let wanted = if turn % 7 == 6 { 3 } else { usize::MAX };
    tokens.take(wanted).for_each(|_| async {}).await;
    Ok(())
}

/// Every fifth request is rate-limited once, and every eleventh is refused.
async fn request(turn: u32) -> Outcome<impl Stream<Item = Outcome<&'static str>> + Unpin> {
    sleep(Duration::from_millis(20)).await;
    if turn % 5 == 4 {
        let pause = Duration::from_millis(25);
        retry_notifier_with(|_: &&str| "rate_limited")(&"429, slow down", pause);
        sleep(pause).await;
    }
    if turn % 11 == 10 {
        return Err("503, out of order".to_owned());
    }
    let tokens = stream::iter(["Bring ", "an ", "umbrella", ".", ""]).then(|token| async move {
        sleep(Duration::from_millis(12)).await;
        Ok(token)
    });
    Ok(Box::pin(tokens))
}

/// Every thirteenth hangs until the turn ends.
async fn tool(turn: u32) -> Outcome<()> {
    let busy = if turn % 13 == 12 { 10_000 } else { 15 };
    sleep(Duration::from_millis(busy)).await;
    Ok(())
}
