//! The soak in short, and that it can fail.

use std::time::Duration;

use allm_telemetry_soak::{Soak, run};

/// One test: the bridges are attached to the one global handle.
#[test]
fn a_few_seconds_of_chaos_lose_nothing_and_have_every_outcome() {
    let soak = Soak { time: Duration::from_secs(6), streams: 200, ..Soak::default() };
    let report = run(&soak).expect("the bridges can be attached");
    let wrong: Vec<_> = report.wrong().into_iter().filter(|wrong| !wrong.starts_with("memory")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{report}");
    for outcome in ["completed", "error", "dropped", "cancelled", "panicked"] {
        assert!(report.ended.keys().any(|(_, ended)| *ended == outcome), "nothing {outcome}:\n{report}");
    }
    assert!(report.failures > 0 && report.retries > 0 && report.peak > 200, "{report}");
    assert!(report.queues.iter().all(|queue| queue.arrived > 100), "{report}");

    let mut worse = report.clone();
    worse.left = 1;
    worse.odd = 1;
    worse.queues[0].lost = 1;
    assert_eq!(worse.wrong().len(), report.wrong().len() + 3);
    worse.force_loss = true;
    assert_eq!(worse.wrong().len(), report.wrong().len() + 2, "a loss that was asked for is none");
}
