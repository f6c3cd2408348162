//! What a queue may hold.

use std::io::{self, Write};
use std::time::Duration;

use crate::support::own_process::passes_in_its_own_process;
use allm_telemetry::{
    Content, Policy, Telemetry, bridge::json_lines::JsonLines, handler::WhenFull, prelude::*,
};

/// A disk that never answers.
struct Stuck;

impl Write for Stuck {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        loop {
            std::thread::park();
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The most memory that this process ever had, in megabytes.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1_024
}

#[cfg(target_os = "linux")]
#[test]
fn two_thousand_large_spans_before_a_writer_that_is_stuck_take_the_memory_of_the_bound() {
    passes_in_its_own_process(|| {
        let telemetry = Telemetry::new();
        let policy = Policy::new().content_unredacted(Content::INPUT);
        let log = JsonLines::to_writer(Stuck).policy(policy).attach("log", &telemetry).unwrap();
        let before = peak();
        telemetry.run(|| {
            for _ in 0..2_000 {
                Span::chat().input(|| "x".repeat(100_000)).start().complete();
            }
        });
        let grown = peak() - before;
        assert!(grown < 64 + 16, "{grown} MB");
        let flushed = log.flush(Duration::ZERO);
        assert_eq!(flushed.lost + flushed.waiting, 4_000);
        assert!((600..700).contains(&flushed.waiting), "{flushed:?}");
        std::mem::forget(log);
    });
}

#[test]
fn the_bound_in_bytes_can_be_set_and_waited_for() {
    let (page, telemetry) = (crate::Page::default(), Telemetry::new());
    let log = JsonLines::to_writer(page.clone()).max_bytes(1_000).when_full(WhenFull::Wait);
    let log = log.attach("log", &telemetry).unwrap();
    telemetry.run(|| (0..500).for_each(|_| Span::chat().model("x".repeat(700)).start().complete()));
    assert!(log.flush(crate::SOON).is_complete());
    assert_eq!(page.lines().len(), 1_000);
}
