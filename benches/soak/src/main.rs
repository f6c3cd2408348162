//! `cargo run --release --manifest-path benches/soak/Cargo.toml -- --minutes 10`

use std::process::ExitCode;
use std::time::Duration;

use allm_telemetry_soak::{Soak, run};
use lexopt::{Arg, ValueExt as _};

const HELP: &str = "\
Keeps thousands of streams alive under every bridge at once, and says what became of them.

    --minutes N   how long (1)
    --seconds N   the same, shorter
    --streams N   how many live at a time (2000)
    --force-loss  with queues far too small: losses are counted and no failure

Fails if a span that started has not ended once, if a queue lost an event, or if memory grew.";

fn main() -> ExitCode {
    match soak() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::from(2)
        }
    }
}

fn soak() -> Result<bool, Box<dyn std::error::Error>> {
    let mut soak = Soak::default();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("minutes") => {
                soak.time = Duration::from_secs(60 * arguments.value()?.parse::<u64>()?);
            }
            Arg::Long("seconds") => soak.time = Duration::from_secs(arguments.value()?.parse()?),
            Arg::Long("streams") => soak.streams = arguments.value()?.parse()?,
            Arg::Long("force-loss") => soak.force_loss = true,
            Arg::Long("help") => {
                println!("{HELP}");
                return Ok(true);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let report = run(&soak)?;
    println!("{report}");
    let wrong = report.wrong();
    wrong.iter().for_each(|wrong| eprintln!("soak: {wrong}"));
    Ok(wrong.is_empty())
}
