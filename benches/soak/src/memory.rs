//! What the process takes of the machine's memory.

use std::fmt;

/// Resident memory in megabytes, all under load but the first.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    start: f64,
    quarter: f64,
    middle: f64,
    end: f64,
}

impl Default for Memory {
    fn default() -> Self {
        let now = resident();
        Self { start: now, quarter: now, middle: now, end: now }
    }
}

impl Memory {
    /// How much the second half may add: the allocator's own unrest.
    const SHARE: f64 = 0.05;
    const MEGABYTES: f64 = 4.0;

    /// Looks, when so much of the time has passed.
    pub(crate) fn look(&mut self, passed: f64) {
        let now = resident();
        match passed {
            ..=0.25 => self.quarter = now,
            ..=0.5 => self.middle = now,
            _ => self.end = now,
        }
    }

    /// Whether the second half added no more than a twentieth and 4 MB.
    pub(crate) fn is_flat(&self) -> bool {
        self.end <= self.middle * (1.0 + Self::SHARE) + Self::MEGABYTES
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, quarter, middle, end } = self;
        write!(f, "start {start:.1} MB, a quarter {quarter:.1} MB, middle {middle:.1} MB, end {end:.1} MB")
    }
}

/// Linux says; elsewhere it is 0, and always flat.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1_024.0
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn growth_is_told_from_unrest() {
        let memory = |middle, end| Memory { start: 10.0, quarter: 50.0, middle, end };
        assert!(memory(100.0, 108.0).is_flat());
        assert!(!memory(100.0, 110.0).is_flat());
    }
}
