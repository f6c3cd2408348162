//! The process of one cell: installs one peer, then measures a sample whenever it is told to.

use std::io::{self, BufRead as _, Write as _};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::peers;
use crate::row::Row;
use crate::shape::Case;
use crate::tally;

/// What a worker says before its first sample.
pub(crate) const READY: &str = "ready";
/// What it says instead when the row is not for its contender.
pub(crate) const NOT_FOR_ME: &str = "not for me";

/// A sample takes about this long: long beside a clock read, short beside a noisy neighbour.
const SAMPLE: Duration = Duration::from_micros(200);
/// Two threads need longer, to be under way together.
const SAMPLE_OF_TWO: Duration = Duration::from_millis(1);

/// Serves samples, one per line of standard input, until that ends.
pub(crate) fn serve(contender: &str, row: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let Some((row, case)) = case_of(contender, row) else {
        return writeln!(stdout, "{NOT_FOR_ME}");
    };
    check(&case);
    let times = calibrate(&case, if row.threads == 1 { SAMPLE } else { SAMPLE_OF_TWO });
    writeln!(stdout, "{READY}")?;
    for line in io::stdin().lock().lines() {
        line?;
        let sample =
            if row.threads == 1 { one_thread(&case, times, row) } else { scaling(&case, times, row) };
        writeln!(stdout, "{sample}")?;
        stdout.flush()?;
    }
    Ok(())
}

/// Allocations per run of the work, as counted by `allocations`.
pub(crate) fn count(contender: &str, row: &str, allocations: impl Fn() -> u64) -> io::Result<()> {
    let Some((_, case)) = case_of(contender, row) else {
        return writeln!(io::stdout(), "{NOT_FOR_ME}");
    };
    check(&case);
    let times = case.batch.unwrap_or(100);
    // The first runs fill caches, thread-locals and queues.
    batch(&case, times);
    batch(&case, times);
    let before = allocations();
    (case.run)(times);
    let count = allocations() - before;
    writeln!(io::stdout(), "{}", count as f64 / times as f64)
}

fn case_of(contender: &str, row: &str) -> Option<(&'static Row, Case)> {
    let contender = peers::find(contender).expect("a contender of the table");
    let row = Row::find(row).expect("a row of the table");
    if !row.is_for(contender.name) {
        return None;
    }
    (contender.case)(row).map(|case| (row, case))
}

/// Measures nothing before it is sure that everything arrives.
fn check(case: &Case) {
    let times = case.batch.unwrap_or(10);
    batch(case, 1);
    let before = tally::delivered();
    batch(case, times);
    let delivered = tally::delivered() - before;
    assert_eq!(delivered, times * case.deliveries, "deliveries of {times} runs");
}

/// How many runs make a sample.
fn calibrate(case: &Case, sample: Duration) -> u64 {
    case.batch.unwrap_or_else(|| {
        let mut times = 1;
        while batch(case, times) < sample {
            times *= 2;
        }
        times
    })
}

/// Runs the case so often, and says how long that took.
fn batch(case: &Case, times: u64) -> Duration {
    (case.between)();
    let start = Instant::now();
    (case.run)(times);
    let took = start.elapsed();
    (case.between)();
    took
}

/// Nanoseconds per unit of the row.
fn one_thread(case: &Case, times: u64, row: &Row) -> f64 {
    // This process has slept: let caches and predictors find back.
    batch(case, times.div_ceil(4));
    let took = batch(case, times);
    took.as_nanos() as f64 / (times as f64 * f64::from(row.units()))
}

/// What several threads get done, as a multiple of what one does alone.
fn scaling(case: &Case, times: u64, row: &Row) -> f64 {
    batch(case, times.div_ceil(4));
    let alone = batch(case, times);
    (case.between)();
    let barrier = Barrier::new(row.threads);
    let runs: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let run = || {
            (case.run)(times.div_ceil(4));
            barrier.wait();
            let start = Instant::now();
            (case.run)(times);
            (start, Instant::now())
        };
        let threads: Vec<_> = (0..row.threads).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a run")).collect()
    });
    (case.between)();
    let start = runs.iter().map(|run| run.0).min().expect("a thread");
    let end = runs.iter().map(|run| run.1).max().expect("a thread");
    row.threads as f64 * alone.as_secs_f64() / (end - start).as_secs_f64()
}
