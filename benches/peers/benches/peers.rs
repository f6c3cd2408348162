//! `cargo bench --manifest-path benches/peers/Cargo.toml`: see the crate's own documentation.

use std::process::ExitCode;

fn main() -> ExitCode {
    allm_telemetry_peers::measure(env!("CARGO_BIN_EXE_count-allocations"))
}
