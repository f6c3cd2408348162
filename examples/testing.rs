//! How do I test my instrumentation?
//!
//! `cargo run --example testing`; in your crate these functions are tests, and run in parallel.

use std::time::Duration;

use allm_telemetry::testing::Capture;
use allm_telemetry::{event::Outcome, prelude::*};
use tokio::time::{sleep, timeout};

/// The code under test: an answer, or a default if the model takes too long.
async fn answer(model_takes: Duration) -> &'static str {
    let call = async {
        sleep(model_takes).await;
        Ok::<_, std::io::Error>("42")
    };
    match timeout(Duration::from_millis(50), call.in_span(Span::generate().model("deep-1"))).await {
        Ok(Ok(answer)) => answer,
        _ => "who knows",
    }
}

async fn a_fast_model_completes() {
    let capture = Capture::new();
    assert_eq!(capture.scope(answer(Duration::from_millis(1))).await, "42");
    capture.assert_balanced();
    capture.assert_outcome(SpanName::Generate, Outcome::Completed);
}

async fn a_slow_model_is_cancelled_and_no_error() {
    let capture = Capture::new();
    assert_eq!(capture.scope(answer(Duration::from_secs(60))).await, "who knows");
    capture.assert_balanced();
    capture.assert_outcome(SpanName::Generate, Outcome::Cancelled);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Both run concurrently: each capture receives only the events of its own scope.
    tokio::join!(a_fast_model_completes(), a_slow_model_is_cancelled_and_no_error());
    println!("both hold");
}
