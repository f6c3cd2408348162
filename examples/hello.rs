//! How do I see one call?
//!
//! `cargo run --example hello`, or `ALLM_LOG=console cargo run --example hello` for the exporter of your choice.

use std::time::Duration;

use allm_telemetry::{attach_many, prelude::*};
use tokio::time::sleep;

/// The reply of a client.
struct Reply {
    text: String,
    tokens: (u64, u64),
}

/// Stands for the call of any client: a future of a `Result`.
async fn ask(question: &str) -> Result<Reply, std::io::Error> {
    sleep(Duration::from_millis(120)).await;
    Ok(Reply { text: format!("You said: {question}"), tokens: (12, 4) })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // At startup, attach exporters as the environment says, and a handler to the events of `generate` spans.
    let _telemetry = allm_telemetry::init()?;
    attach_many("log", SpanName::Generate.events(), |event: &Event<'_>| println!("{event}"))?;

    // One line wraps the call. The observer reads the usage from this client's reply.
    let reply = ask("hello")
        .in_span(Span::generate().engine("mine").model("echo-1").observe(|reply: &Reply, record| {
            let (input, output) = reply.tokens;
            record.usage(Usage::new().input(input).output(output));
        }))
        .await?;

    println!("{}", reply.text);
    // At the end, wait for open spans and write what is queued.
    let report = allm_telemetry::shutdown(Duration::from_secs(5)).await;
    assert!(report.is_complete(), "{report}");
    Ok(())
}
