//! All cells' processes, and the round-robin through them.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::options::WORKER;
use crate::peers::Contender;
use crate::row::Row;
use crate::worker::{NOT_FOR_ME, READY};

/// One cell: a process that waits to be asked.
pub(crate) struct Cell {
    pub(crate) contender: &'static Contender,
    pub(crate) row: &'static Row,
    samples: Vec<f64>,
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Cell {
    /// Starts the process; `None` when the row is not for this contender.
    pub(crate) fn start(contender: &'static Contender, row: &'static Row) -> io::Result<Option<Self>> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([WORKER, contender.name, row.id])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        let mut cell = Cell { contender, row, samples: Vec::new(), child, requests, answers };
        match cell.answer()?.as_str() {
            READY => Ok(Some(cell)),
            NOT_FOR_ME => Ok(None),
            other => Err(io::Error::other(format!("{} in row {}: {other:?}", contender.name, row.id))),
        }
    }

    fn sample(&mut self) -> io::Result<()> {
        if let Some(requests) = &mut self.requests {
            writeln!(requests)?;
        }
        let sample = self.answer()?.parse().map_err(io::Error::other)?;
        self.samples.push(sample);
        Ok(())
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// The middle of all samples.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        // The end of its input ends the worker.
        self.requests = None;
        let _ = self.child.wait();
    }
}

/// Takes so many samples of every cell, in turns.
pub(crate) fn round_robin(cells: &mut [Cell], samples: usize) -> io::Result<()> {
    for _ in 0..samples {
        for cell in cells.iter_mut() {
            cell.sample()?;
        }
    }
    Ok(())
}

/// Allocations per run of a cell's work, from the binary that counts.
pub(crate) fn allocations(counter: &str, cell: &Cell) -> io::Result<f64> {
    let output = Command::new(counter).args([cell.contender.name, cell.row.id]).output()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().map_err(io::Error::other)
}
