//! Thousands of live streams under chaos, with every bridge at work: nothing is lost, nothing is left, memory is flat.
//!
//! [`run`] keeps so many conversations alive at a time ([`load`]), lets handlers come, go and panic meanwhile
//! ([`guests`]), keeps books of what started and how it ended ([`books`]), looks at the memory ([`memory`]), and asks
//! every queue what it lost ([`bridges`]).

mod books;
mod bridges;
mod guests;
mod load;
mod memory;
mod report;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use allm_telemetry::Telemetry;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use books::Books;
use bridges::Bridges;
pub use memory::Memory;
pub use report::{Queue, Report};

/// What to do.
#[derive(Clone, Debug)]
pub struct Soak {
    /// How long new conversations begin. Those under way are then waited for.
    pub time: Duration,
    /// How many conversations live at a time.
    pub streams: usize,
    /// Makes every queue far too small, so that losses can be seen.
    pub force_loss: bool,
}

impl Default for Soak {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), streams: 2_000, force_loss: false }
    }
}

/// Runs it on a runtime of its own.
///
/// # Errors
///
/// If a bridge cannot be attached, or the system has no threads left.
pub fn run(soak: &Soak) -> Result<Report, Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let telemetry = Telemetry::global();
    let books = Books::open(&telemetry)?;
    let mut memory = Memory::default();
    let entered = runtime.enter();
    let bridges = Bridges::attach(&telemetry, soak.force_loss)?;
    drop(entered);
    let peak = runtime.block_on(converse(soak, &books, &bridges, &mut memory));
    let queues = runtime.block_on(bridges.close(&telemetry))?;
    // What still runs in it ends its spans now.
    drop(runtime);
    Ok(books.close(&telemetry, queues, memory, peak, soak.force_loss))
}

/// Keeps conversations alive until the time is over; gives how many spans lived at most.
async fn converse(soak: &Soak, books: &Books, bridges: &Bridges, memory: &mut Memory) -> usize {
    let (begun, over) = (Instant::now(), Arc::new(AtomicBool::new(false)));
    let guests = tokio::spawn(guests::come_and_go(over.clone()));
    let next = Arc::new(AtomicU64::new(0));
    let mut tables = JoinSet::new();
    for table in 0..soak.streams {
        let (next, over) = (next.clone(), over.clone());
        tables.spawn(async move {
            // They do not all begin at once, as in life.
            tokio::time::sleep(Duration::from_millis(table as u64 % 1_000)).await;
            while !over.load(Ordering::Relaxed) {
                load::conversation(next.fetch_add(1, Ordering::Relaxed)).await;
            }
        });
    }
    let mut peak = 0;
    while begun.elapsed() < soak.time {
        tokio::time::sleep(Duration::from_millis(500)).await;
        bridges.upkeep();
        peak = peak.max(books.live());
        memory.look(begun.elapsed().as_secs_f64() / soak.time.as_secs_f64());
    }
    over.store(true, Ordering::Relaxed);
    while tables.join_next().await.is_some() {}
    guests.await.expect("the guests go when it is over");
    peak
}
