//! Checks what real backends show of the conversation. Each is checked if its variable is set:
//!
//! - `ALLM_PHOENIX`: Phoenix, such as `http://127.0.0.1:6006`; with `ALLM_PHOENIX_GRPC` by gRPC too
//! - `ALLM_MLFLOW`: MLflow, such as `http://127.0.0.1:5000`
//! - `ALLM_ROTEL`: rotel, such as `http://127.0.0.1:4328`, and `ALLM_ROTEL_LOG`, the file that it prints to

mod ends;
mod large;
mod mlflow;
mod phoenix;
mod rotel;
mod seen;
mod sent;
mod trace;

use std::env;
use std::process::ExitCode;

use allm_telemetry::bridge::otlp::Otlp;
use allm_telemetry_otlp::Failure;

use crate::ends::Ends;
use crate::large::Large;
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
    if let Some(url) = named("ALLM_PHOENIX") {
        let by_http = || Otlp::new().http().endpoint(url.clone()).without_metrics();
        let by_grpc = |grpc: String| Otlp::new().grpc().endpoint(grpc).without_metrics();
        let targets = || [Some(by_http()), named("ALLM_PHOENIX_GRPC").map(by_grpc)].into_iter().flatten();
        for content in [false, true] {
            for otlp in targets() {
                let sent = Sent::to(otlp, content).await?;
                phoenix::check(&url, &sent).await.map_err(|what| format!("Phoenix, {sent}: {what}"))?;
                checked += 1;
            }
        }
        for otlp in targets() {
            let large = Large::to(otlp).await?;
            let seen = phoenix::seen(&url, &large.0.id, 11).await?;
            large.check(&seen).map_err(|what| format!("Phoenix, {large}: {what}"))?;
            checked += 1;
        }
        for otlp in targets() {
            let ends = Ends::to(otlp).await?;
            let seen = phoenix::seen(&url, &ends.0.id, 8).await?;
            let tokens = phoenix::tokens(&url, &ends.0.id).await?;
            ends.check(&seen, tokens).map_err(|what| format!("Phoenix, {ends}: {what}"))?;
            checked += 1;
        }
    }
    if let Some(url) = named("ALLM_MLFLOW") {
        let target = || {
            Otlp::new().http().endpoint(url.clone()).header("x-mlflow-experiment-id", "0").without_metrics()
        };
        for content in [false, true] {
            let sent = Sent::to(target(), content).await?;
            mlflow::check(&url, &sent).await.map_err(|what| format!("MLflow, {sent}: {what}"))?;
            checked += 1;
        }
        let large = Large::to(target()).await?;
        let (_, seen) = mlflow::seen(&url, &large.0.id).await?;
        large.check(&seen).map_err(|what| format!("MLflow, {large}: {what}"))?;
        let ends = Ends::to(target()).await?;
        let (trace, seen) = mlflow::seen(&url, &ends.0.id).await?;
        ends.check(&seen, mlflow::tokens(&trace)?).map_err(|what| format!("MLflow, {ends}: {what}"))?;
        checked += 2;
    }
    if let (Some(url), Some(log)) = (named("ALLM_ROTEL"), named("ALLM_ROTEL_LOG")) {
        let target = || Otlp::new().http().endpoint(url.clone());
        for content in [false, true] {
            let sent = Sent::to(target(), content).await?;
            rotel::check(&log, &sent).await.map_err(|what| format!("rotel, {sent}: {what}"))?;
            checked += 1;
        }
        let large = Large::to(target()).await?;
        large.check_printed(&log).await.map_err(|what| format!("rotel, {large}: {what}"))?;
        checked += 1;
    }
    Ok(checked)
}
