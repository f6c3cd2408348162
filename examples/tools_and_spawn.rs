//! How do tools on other tasks and threads keep their request id and parent span?
//!
//! `cargo run --example tools_and_spawn`

use std::time::Duration;

use allm_telemetry::bridge::console::Console;
use allm_telemetry::{Telemetry, current_request_id, prelude::*, spawn, spawn_blocking};
use tokio::time::sleep;

async fn search(query: &str) -> Result<usize, std::io::Error> {
    sleep(Duration::from_millis(80)).await;
    Ok(query.len())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = allm_telemetry::init()?;
    // Besides what the environment names: the tree, on standard error.
    let _console = Console::new().attach("console", &Telemetry::global())?;

    async {
        async {
            // `spawn` wraps `tokio::spawn` and propagates the context: the tool has the step as its parent and the chat's request
            // id.
            let found = spawn(search("rust").in_span(Span::tool("search", "call_1")));
            let counted = spawn_blocking(|| {
                std::thread::sleep(Duration::from_millis(40));
                current_request_id()
            });
            let (found, request_id) = (found.await??, counted.await?);
            assert_eq!(request_id, current_request_id());
            Ok::<_, Box<dyn std::error::Error>>(found)
        }
        .in_span(Span::step())
        .await
    }
    .in_span(Span::chat().agent_name("finder"))
    .await?;

    let report = allm_telemetry::shutdown(Duration::from_secs(5)).await;
    assert!(report.is_complete(), "{report}");
    Ok(())
}
