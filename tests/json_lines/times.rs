//! When it was.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{Page, SOON};
use allm_telemetry::{
    Telemetry,
    bridge::json_lines::JsonLines,
    event::{Clock, EventName, Metadata},
    prelude::*,
};
use proptest::prelude::*;
use serde_json::Value as Json;

/// Reads the given times in turn. The system time steps on by an hour with each reading.
struct Steps {
    monotonic: Mutex<Vec<u64>>,
    system: AtomicU64,
}

const HOUR: u64 = 3_600_000_000_000;
/// 2026-11-27T00:00:00Z, in nanoseconds.
const MIDNIGHT: u64 = 1_795_737_600_000_000_000;

impl Clock for Steps {
    fn monotonic(&self) -> u64 {
        self.monotonic.lock().unwrap().pop().expect("no clock is read in vain")
    }
    fn system(&self, _: u64) -> u64 {
        self.system.fetch_add(HOUR, Ordering::Relaxed)
    }
}

/// A handle whose clock reads these monotonic times.
fn with_times(times: impl IntoIterator<Item = u64>) -> Telemetry {
    let mut monotonic: Vec<u64> = times.into_iter().collect();
    monotonic.reverse();
    Telemetry::with_clock(Steps { monotonic: Mutex::new(monotonic), system: MIDNIGHT.into() })
}

/// The text of a time on that day.
fn time_of_day(nanos: u64) -> String {
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("2026-11-27T{hours:02}:{minutes:02}:{:02}.{nanos:09}Z", seconds % 60)
}

proptest! {
    #[test]
    fn the_times_of_a_span_are_its_start_and_what_elapsed_whatever_the_system_clock_does(
        start in 0..u64::MAX / 2,
        first in 0..HOUR,
        end in HOUR..23 * HOUR,
    ) {
        let (page, telemetry) = (Page::default(), with_times([start, start + first, start + end]));
        let log = JsonLines::to_writer(page.clone()).attach("log", &telemetry).unwrap();
        telemetry.run(|| {
            let mut span = Span::stream().start();
            span.chunk(|_| {});
            span.complete();
        });
        prop_assert!(log.flush(SOON).is_complete());
        let lines = page.lines();
        let times: Vec<&str> = lines.iter().map(|line| line["time"].as_str().unwrap()).collect();
        prop_assert_eq!(&times, &[0, first, end].map(time_of_day));
        prop_assert_eq!(&lines[0]["measurements"]["system_time"], MIDNIGHT);
    }
}

#[test]
fn a_clock_that_runs_backwards_gives_no_time_before_the_start() {
    let (page, telemetry) = (Page::default(), with_times([9, 3]));
    let log = JsonLines::to_writer(page.clone()).attach("log", &telemetry).unwrap();
    telemetry.run(|| Span::chat().start().complete());
    assert!(log.flush(SOON).is_complete());
    assert_eq!([&page.lines()[0]["time"], &page.lines()[1]["time"]], [&time_of_day(0); 2]);
}

#[test]
fn an_event_without_a_span_has_the_time_of_its_emission_or_the_one_that_it_gives() {
    let (page, telemetry) = (Page::default(), with_times([1, 2]));
    let own = EventName::try_from("allm.own").unwrap();
    let log =
        JsonLines::to_writer(page.clone()).events([EventName::try_from("allm.adapter.retry").unwrap(), own]);
    let log = log.attach("log", &telemetry).unwrap();
    telemetry.run(|| allm_telemetry::adapter_retry(1, Duration::ZERO, "busy"));
    telemetry.execute("own", [("n", 1)], Metadata::new()).unwrap();
    telemetry.execute("own", [("system_time", MIDNIGHT + 7)], Metadata::new()).unwrap();
    telemetry.execute("own", [("system_time", u64::MAX)], Metadata::new()).unwrap();
    assert!(log.flush(SOON).is_complete());
    let times: Vec<Json> = page.lines().into_iter().map(|mut line| line["time"].take()).collect();
    let expected = [0, HOUR, 7].map(time_of_day);
    assert_eq!(times[..3], expected);
    assert_eq!(times[3], "2554-07-21T23:34:33.709551615Z");
}
