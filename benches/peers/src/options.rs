//! The command line.

use std::path::PathBuf;

/// What the command line asks for.
pub(crate) enum Command {
    /// Measure everything and print the table.
    Measure(Options),
    /// Be the process of one cell.
    Work { contender: String, row: String },
}

/// How to measure.
pub(crate) struct Options {
    /// Samples of each cell.
    pub(crate) samples: usize,
    /// Rows to measure; empty means all.
    pub(crate) rows: Vec<String>,
    /// Where to write the table as markdown.
    pub(crate) markdown: Option<PathBuf>,
}

/// The flag that makes a process a worker.
pub(crate) const WORKER: &str = "--worker";

const USAGE: &str = "usage: cargo bench --manifest-path benches/peers/Cargo.toml -- \
                     [--samples N] [--rows 1,2,3] [--markdown FILE]";

impl Command {
    /// Reads the arguments, without the program's name.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options { samples: 300, rows: Vec::new(), markdown: None };
        while let Some(flag) = arguments.next() {
            // Cargo adds `--bench` of its own.
            if flag == "--bench" {
                continue;
            }
            let mut value = || arguments.next().ok_or_else(|| format!("{flag} needs a value\n{USAGE}"));
            match flag.as_str() {
                "--samples" => options.samples = value()?.parse().map_err(|_| USAGE)?,
                "--rows" => options.rows = value()?.split(',').map(str::to_owned).collect(),
                "--markdown" => options.markdown = Some(value()?.into()),
                WORKER => {
                    return Ok(Command::Work { contender: value()?, row: value()? });
                }
                _ => return Err(format!("unknown argument {flag}\n{USAGE}")),
            }
        }
        Ok(Command::Measure(options))
    }
}
