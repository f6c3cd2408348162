//! How do I get times and tokens into Prometheus? A service with a little traffic, and its page.
//!
//! `cargo run -- 127.0.0.1:9464`, then `curl 127.0.0.1:9464/metrics`.

mod traffic;

use std::error::Error;
use std::net::SocketAddr;

use allm_telemetry::bridge::{metrics::Metrics, prometheus::with_buckets};
use allm_telemetry::{Telemetry, convention::Convention};
use metrics_exporter_prometheus::PrometheusBuilder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address: SocketAddr = match std::env::args().nth(1) {
        Some(address) => address.parse()?,
        None => ([127, 0, 0, 1], 9464).into(),
    };
    // The exporter, with our buckets; it serves the page on a task of its own.
    with_buckets(PrometheusBuilder::new()).with_http_listener(address).install()?;
    // Who records there. `tenant` is a key of the service's own that becomes a label, of 64 values at most.
    Metrics::new()
        .convention(Convention::new().labels(["tenant"]))
        .attach("metrics", &Telemetry::global())?;

    println!("serving http://{address}/metrics");
    traffic::run().await;
    Ok(())
}
