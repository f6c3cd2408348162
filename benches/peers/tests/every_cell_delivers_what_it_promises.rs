//! A cell that delivers less than the others would win the benchmark: none may.

use std::process::Command;

#[test]
fn every_cell_delivers_what_it_promises() {
    for (contender, row) in allm_telemetry_peers::cells() {
        // It checks the deliveries before it counts, and panics when one is missing.
        let counted = Command::new(env!("CARGO_BIN_EXE_count-allocations"))
            .args([contender, row])
            .output()
            .expect("the binary runs");
        let complaint = String::from_utf8_lossy(&counted.stderr);
        assert!(counted.status.success(), "{contender}, row {row}: {complaint}");
    }
}
