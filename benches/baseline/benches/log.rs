//! JSON lines under load: a million events to a file, and what one costs the task that emits it, beside
//! tracing-appender's non-blocking writer with JSON formatting.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use allm_telemetry::bridge::json_lines::JsonLines;
use allm_telemetry::{Telemetry, handler::WhenFull};
use allm_telemetry_baseline::generate;
use tracing_appender::non_blocking::NonBlockingBuilder;

const EVENTS: u32 = 1_000_000;
const BURST: u32 = 4_000;

fn main() {
    let file = std::env::temp_dir().join(format!("allm-telemetry-log-{}.jsonl", std::process::id()));
    ours(&file);
    bursts(&file);
    let _ = fs::remove_file(&file);
}

/// Each generate span is two events. The queue waits when it is full, so that all of them arrive.
fn ours(file: &PathBuf) {
    let writer = File::create(file).expect("a file in the temporary folder");
    let log = JsonLines::to_writer(writer).when_full(WhenFull::Wait).attach("log", &Telemetry::global());
    let log = log.expect("the id is free");
    let start = Instant::now();
    (0..EVENTS / 2).for_each(|_| generate());
    let flushed = log.flush(Duration::from_secs(120));
    let took = start.elapsed();
    drop(log);
    let peak = peak_megabytes();
    let lines = File::open(file).map_or(0, |file| BufReader::new(file).lines().count());
    let rate = f64::from(EVENTS) / took.as_secs_f64();
    println!("{lines} lines in {took:.1?}: {rate:.0} events/s, {flushed:?}, peak memory {peak} MB");
}

/// Bursts that fit the queue: what the emitting task pays, while a thread of its own formats and writes.
fn bursts(file: &PathBuf) {
    let mut costs = [Vec::new(), Vec::new()];
    for _ in 0..21 {
        costs[0].push(burst_ours(file));
        costs[1].push(burst_appender(file));
    }
    for (name, costs) in
        ["allm-telemetry json_lines", "tracing-appender with JSON"].into_iter().zip(&mut costs)
    {
        costs.sort_by(f64::total_cmp);
        println!("{:>6.0} ns an event for the emitting task: {name}", costs[costs.len() / 2]);
    }
}

fn burst_ours(file: &PathBuf) -> f64 {
    let writer = File::create(file).expect("a file in the temporary folder");
    let log = JsonLines::to_writer(writer).capacity(2 * BURST as usize).attach("log", &Telemetry::global());
    let log = log.expect("the id is free");
    let start = Instant::now();
    (0..BURST / 2).for_each(|_| generate());
    let took = start.elapsed();
    assert!(log.flush(Duration::from_secs(60)).is_complete());
    took.as_nanos() as f64 / f64::from(BURST)
}

/// The same facts in two events: what one writes by hand today.
fn burst_appender(file: &PathBuf) -> f64 {
    let writer = File::create(file).expect("a file in the temporary folder");
    let builder = NonBlockingBuilder::default().buffered_lines_limit(2 * BURST as usize).lossy(false);
    let (writer, guard) = builder.finish(writer);
    let subscriber = tracing_subscriber::fmt().json().with_writer(writer).finish();
    let took = tracing::subscriber::with_default(subscriber, || {
        let start = Instant::now();
        for _ in 0..BURST / 2 {
            let begun = Instant::now();
            tracing::info!(
                request_id = "lErVwi0MWhJoyYVJd8WWKQ",
                span_id = 7_u64,
                engine = "openai",
                model = "gpt-5",
                "generate.start"
            );
            allm_telemetry_baseline::work();
            tracing::info!(
                request_id = "lErVwi0MWhJoyYVJd8WWKQ",
                span_id = 7_u64,
                engine = "openai",
                model = "gpt-5",
                duration = begun.elapsed().as_nanos() as u64,
                outcome = "completed",
                attempts = 1,
                "generate.stop"
            );
        }
        start.elapsed()
    });
    drop(guard);
    took.as_nanos() as f64 / f64::from(BURST)
}

fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) / 1_024
}
