//! How cost grows: with nesting depth, handlers, live spans, and the length of a stream.

use std::fs;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use allm_telemetry::{SpanName, Telemetry, prelude::*};
use allm_telemetry_baseline::{attach, deep, generate, ready, stream};

fn main() {
    depth();
    handlers();
    live();
    length();
}

/// The median of many runs, in nanoseconds for each of `parts`.
fn median(parts: usize, mut run: impl FnMut()) -> f64 {
    let mut times: Vec<Duration> = (0..201)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2].as_nanos() as f64 / parts as f64
}

fn depth() {
    println!("| nesting depth | ns a span, nothing attached | ns a span, one handler |\n|---|---|---|");
    for depth in [1, 2, 4, 8, 16, 32, 64] {
        let many = 2_048 / depth;
        let run = || {
            (0..many).for_each(|_| {
                black_box(ready(deep(depth)));
            })
        };
        let silent = median(many * depth, run);
        attach("look", &[SpanName::Chat]);
        let observed = median(many * depth, run);
        detach("look");
        println!("| {depth} | {silent:.0} | {observed:.0} |");
    }
    println!();
}

fn handlers() {
    println!("| handlers | ns a span |\n|---|---|");
    for count in [0, 1, 2, 4, 8, 16, 32, 64] {
        (0..count).for_each(|handler| attach(&format!("look {handler}"), &[SpanName::Generate]));
        let time = median(1_000, || (0..1_000).for_each(|_| generate()));
        (0..count).for_each(|handler| detach(&format!("look {handler}")));
        println!("| {count} | {time:.0} |");
    }
    println!();
}

fn live() {
    println!("| live streams at once | ns to open and drop one | bytes of memory each |\n|---|---|---|");
    attach("look", &[SpanName::Stream]);
    for count in [1, 10, 100, 1_000, 10_000, 100_000] {
        let before = resident();
        let start = Instant::now();
        let mut streams: Vec<_> = (0..count)
            .map(|_| {
                Box::pin(futures::stream::iter([1_u64, 2]).in_span_infallible(Span::stream().model("gpt-5")))
            })
            .collect();
        for stream in &mut streams {
            poll_once(stream.as_mut());
        }
        let bytes = resident().saturating_sub(before) / count;
        drop(streams);
        let time = start.elapsed().as_nanos() / count as u128;
        let bytes = if count < 1_000 { "".to_owned() } else { bytes.to_string() };
        println!("| {count} | {time} | {bytes} |");
    }
    detach("look");
    println!();
}

fn length() {
    println!(
        "| items of a stream | ns an item, nothing attached | ns an item, one handler | more memory, kB |\n|---|---|---|---|"
    );
    for items in [10, 1_000, 100_000, 1_000_000] {
        let runs = 1_000_000 / items;
        let run = || (0..runs).for_each(|_| stream(items as u64));
        let silent = one(runs * items, run);
        attach("look", &[SpanName::Stream]);
        let before = resident();
        let observed = one(runs * items, run);
        let more = resident().saturating_sub(before) / 1_024;
        detach("look");
        println!("| {items} | {silent:.1} | {observed:.1} | {more} |");
    }
}

/// The best of five runs: they are long.
fn one(parts: usize, mut run: impl FnMut()) -> f64 {
    let times = (0..5).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap_or_default().as_nanos() as f64 / parts as f64
}

fn poll_once<S: futures::Stream>(stream: Pin<&mut S>) {
    let _ = black_box(stream.poll_next(&mut Context::from_waker(Waker::noop())));
}

fn detach(id: &str) {
    Telemetry::global().detach(id).expect("it is attached");
}

/// Bytes of memory that this process has now; 0 where the system does not tell.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1_024
}
