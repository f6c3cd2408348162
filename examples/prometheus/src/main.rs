//! How do I get times and tokens into Prometheus? A service with a little traffic, and its metrics page.
//!
//! `cargo run -p allm-telemetry-prometheus -- 127.0.0.1:9464`, then `curl 127.0.0.1:9464/metrics`.

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
    // `tenant` is a key of the service that becomes a label with at most 64 values.
    let convention = Convention::new().labels(["tenant"]);
    let _telemetry = allm_telemetry::init()?;
    // The exporter with our buckets. It serves the page on a task of its own.
    with_buckets(PrometheusBuilder::new(), &convention).with_http_listener(address).install()?;
    // Records into it.
    Metrics::new().convention(convention).attach("metrics", &Telemetry::global())?;

    println!("serving http://{address}/metrics");
    traffic::run().await;
    Ok(())
}
