//! How do I compute my own statistics from events?
//!
//! `cargo run --example own_handler`

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use allm_telemetry::{attach, attach_many, detach, prelude::*};

/// Counts spans by name and outcome.
type Tally = Arc<Mutex<BTreeMap<String, u32>>>;

fn count_into(tally: Tally) -> impl Fn(&Event<'_>) + Send + Sync {
    // A handler runs in the task that emits the event, so it must neither block nor do I/O.
    move |event| {
        let Some((span, outcome)) = event.span().zip(event.outcome()) else { return };
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        *tally.entry(format!("{span} {outcome}")).or_default() += 1;
    }
}

async fn call(works: bool) -> Result<(), std::fmt::Error> {
    if works { Ok(()) } else { Err(std::fmt::Error) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = allm_telemetry::init()?;
    let tally = Tally::default();
    attach_many("tally", SpanName::Generate.events(), count_into(tally.clone()))?;
    // A handler that panics is detached, and its failure is emitted as an event. The call is not affected.
    attach("careless", "allm.generate.stop", |_: &Event<'_>| panic!("careless"))?;
    attach("watch", "telemetry.handler.failure", |event: &Event<'_>| println!("{event}"))?;

    for works in [true, false, true] {
        let _ = call(works).in_span(Span::generate()).await;
    }
    detach("tally")?;
    let _ = call(true).in_span(Span::generate()).await;

    println!("{:?}", tally.lock().unwrap_or_else(PoisonError::into_inner));
    let report = allm_telemetry::shutdown(Duration::from_secs(5)).await;
    assert!(report.is_complete(), "{report}");
    Ok(())
}
