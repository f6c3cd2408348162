//! From the command line to the table.

use std::io;
use std::process::ExitCode;

use crate::options::{Command, Options};
use crate::peers::CONTENDERS;
use crate::pool::{self, Cell};
use crate::report;
use crate::row::ROWS;
use crate::table::{Measured, Table};
use crate::worker;

/// The benchmark: measures everything and prints the table. `counter` is the path of the binary
/// that counts allocations.
pub fn measure(counter: &str) -> ExitCode {
    let done = match Command::parse(std::env::args().skip(1)) {
        Ok(Command::Work { contender, row }) => worker::serve(&contender, &row),
        Ok(Command::Measure(options)) => run(&options, counter),
        Err(usage) => Err(io::Error::other(usage)),
    };
    exit(done)
}

/// The binary that counts: runs the cell that its arguments name and prints the allocations per
/// run, as `allocations` counts them.
pub fn count(allocations: impl Fn() -> u64) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    exit(match &arguments[..] {
        [contender, row] => worker::count(contender, row, allocations),
        _ => Err(io::Error::other("usage: count-allocations CONTENDER ROW")),
    })
}

/// Every contender with every row, also where the row is not for it.
pub fn cells() -> impl Iterator<Item = (&'static str, &'static str)> {
    let with = |row: &'static str| CONTENDERS.iter().map(move |contender| (contender.name, row));
    ROWS.iter().flat_map(move |row| with(row.id))
}

fn exit(done: io::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, counter: &str) -> io::Result<()> {
    let mut cells = start(options)?;
    eprintln!("{} cells, {} samples of each, in turns", cells.len(), options.samples);
    pool::round_robin(&mut cells, options.samples)?;
    let table = Table::new(cells.iter().map(|cell| read(cell, counter)).collect::<io::Result<_>>()?);
    if let Some(file) = &options.markdown {
        std::fs::write(file, report::markdown(&table))?;
    }
    print!("{}", report::text(&table));
    Ok(())
}

fn start(options: &Options) -> io::Result<Vec<Cell>> {
    let wanted = |id: &str| options.rows.is_empty() || options.rows.iter().any(|row| row == id);
    let mut cells = Vec::new();
    for row in ROWS.iter().filter(|row| wanted(row.id)) {
        for contender in CONTENDERS {
            cells.extend(Cell::start(contender, row)?);
        }
    }
    Ok(cells)
}

fn read(cell: &Cell, counter: &str) -> io::Result<Measured> {
    Ok(Measured {
        contender: cell.contender,
        row: cell.row,
        value: cell.median(),
        allocations: pool::allocations(counter, cell)?,
    })
}
