//! Instructions of the hot paths, counted by valgrind's callgrind: the same on a busy machine.
//!
//! Runs itself under callgrind, each path a thousand and three thousand times; the difference is the path alone.

use std::env;
use std::process::{Command, ExitCode};

use allm_telemetry::SpanName;
use allm_telemetry_baseline::{attach, generate, nested, stream};

type Path = (&'static str, &'static [SpanName], fn());

const ALL: &[SpanName] =
    &[SpanName::Generate, SpanName::Chat, SpanName::Step, SpanName::Tool, SpanName::Stream];

const PATHS: [Path; 7] = [
    ("nothing attached: generate", &[], || generate()),
    ("nothing attached: chat > step > tool", &[], || nested()),
    ("nothing attached: stream of 10 items", &[], || stream(10)),
    ("only tool is followed: generate", &[SpanName::Tool], || generate()),
    ("one handler: generate", ALL, || generate()),
    ("one handler: chat > step > tool", ALL, || nested()),
    ("one handler: stream of 10 items", ALL, || stream(10)),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    if let [_, run, path, times] = &arguments[..]
        && run == "--run"
    {
        let (_, spans, path) = PATHS[path.parse::<usize>().expect("a path's number")];
        attach("look", spans);
        for _ in 0..times.parse::<u32>().expect("a count") {
            path();
        }
        return ExitCode::SUCCESS;
    }
    for (number, (name, ..)) in PATHS.iter().enumerate() {
        let (Some(few), Some(many)) = (count(number, 1_000), count(number, 3_000)) else {
            eprintln!("valgrind is not here, or does not know this machine; nothing was counted");
            return ExitCode::FAILURE;
        };
        println!("{:>8} instructions  {name}", (many - few) / 2_000);
    }
    ExitCode::SUCCESS
}

/// All instructions of a run.
fn count(path: usize, times: u32) -> Option<u64> {
    let this = env::current_exe().expect("this program has a place");
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args(["--run", &path.to_string(), &times.to_string()])
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&valgrind.stderr).into_owned();
    let line = told.lines().find(|line| line.contains("Collected :"))?;
    line.split_whitespace().last()?.parse().ok()
}
