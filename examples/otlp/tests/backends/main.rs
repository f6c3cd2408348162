//! Checks what real backends show of the conversation. Each is checked if its variable is set:
//!
//! - `ALLM_PHOENIX`: Phoenix, such as `http://127.0.0.1:6006`; with `ALLM_PHOENIX_GRPC` by gRPC too
//! - `ALLM_MLFLOW`: MLflow, such as `http://127.0.0.1:5000`
//! - `ALLM_ROTEL`: rotel, such as `http://127.0.0.1:4328`, and `ALLM_ROTEL_LOG`, the file that it prints to

mod mlflow;
mod phoenix;
mod rotel;
mod seen;
mod sent;

use std::env;
use std::process::ExitCode;

use allm_telemetry::bridge::otlp::Otlp;
use allm_telemetry_otlp::Failure;

use crate::sent::Sent;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("the system has threads");
    match runtime.block_on(check()) {
        Ok(0) => {
            println!(
                "\n!! NOT CHECKED: no real backend. Set ALLM_PHOENIX, ALLM_MLFLOW or ALLM_ROTEL; see tests/backends/main.rs.\n"
            );
            ExitCode::SUCCESS
        }
        Ok(checked) => {
            println!("{checked} conversations were seen as they were");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("FAILED: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// How many conversations were checked.
async fn check() -> Result<u32, Failure> {
    let named = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let mut checked = 0;
    for content in [false, true] {
        if let Some(url) = named("ALLM_PHOENIX") {
            let by_http = Some(Otlp::new().http().endpoint(url.clone()));
            let by_grpc = named("ALLM_PHOENIX_GRPC").map(|grpc| Otlp::new().grpc().endpoint(grpc));
            for otlp in by_http.into_iter().chain(by_grpc) {
                let sent = Sent::to(otlp.without_metrics(), content).await?;
                phoenix::check(&url, &sent).await.map_err(|what| format!("Phoenix, {sent}: {what}"))?;
                checked += 1;
            }
        }
        if let Some(url) = named("ALLM_MLFLOW") {
            let otlp = Otlp::new().http().endpoint(url.clone()).header("x-mlflow-experiment-id", "0");
            let sent = Sent::to(otlp.without_metrics(), content).await?;
            mlflow::check(&url, &sent).await.map_err(|what| format!("MLflow, {sent}: {what}"))?;
            checked += 1;
        }
        if let (Some(url), Some(log)) = (named("ALLM_ROTEL"), named("ALLM_ROTEL_LOG")) {
            let sent = Sent::to(Otlp::new().http().endpoint(url), content).await?;
            rotel::check(&log, &sent).await.map_err(|what| format!("rotel, {sent}: {what}"))?;
            checked += 1;
        }
    }
    Ok(checked)
}
