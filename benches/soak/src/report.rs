//! What became of it all.

use std::collections::BTreeMap;
use std::fmt;

use crate::memory::Memory;

/// What a run came to. Its `Display` is the table.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Spans that started, by name.
    pub started: BTreeMap<&'static str, u64>,
    /// Spans that ended, by name and outcome.
    pub ended: BTreeMap<(&'static str, &'static str), u64>,
    /// Spans that never ended.
    pub left: usize,
    /// Events that no start came before, and spans that started twice or ended twice.
    pub odd: u64,
    /// Retries.
    pub retries: u64,
    /// Handlers that failed.
    pub failures: u64,
    /// Spans that were open at once.
    pub peak: usize,
    /// What each queue got and lost.
    pub queues: Vec<Queue>,
    /// Resident memory.
    pub memory: Memory,
    /// Whether losses were asked for.
    pub force_loss: bool,
}

/// What became of a queue's events.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Queue {
    /// The bridge.
    pub name: &'static str,
    /// Events or spans that reached its end.
    pub arrived: u64,
    /// Those that did not.
    pub lost: u64,
}

impl Report {
    /// What must not be. Empty if all is well.
    #[must_use]
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.left > 0 {
            wrong.push(format!("{} spans started and never ended", self.left));
        }
        if self.odd > 0 {
            wrong.push(format!("{} events of spans that were not open", self.odd));
        }
        if self.started.is_empty() {
            wrong.push("nothing happened".to_owned());
        }
        for queue in self.queues.iter().filter(|queue| queue.lost > 0 && !self.force_loss) {
            wrong.push(format!("{} lost {}", queue.name, queue.lost));
        }
        if !self.memory.is_flat() {
            wrong.push(format!("memory grew: {}", self.memory));
        }
        wrong
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (span, started) in &self.started {
            write!(f, "{span:<9} {started:>10} started")?;
            let ended = self.ended.iter().filter(|((of, _), _)| of == span);
            for ((_, outcome), count) in ended {
                write!(f, ", {count} {outcome}")?;
            }
            writeln!(f)?;
        }
        writeln!(f, "open at once {}, never ended {}, odd {}", self.peak, self.left, self.odd)?;
        writeln!(f, "retries {}, handler failures {}", self.retries, self.failures)?;
        for Queue { name, arrived, lost } in &self.queues {
            writeln!(f, "{name:<10} {arrived:>10} arrived, {lost} lost")?;
        }
        write!(f, "memory: {}", self.memory)
    }
}
