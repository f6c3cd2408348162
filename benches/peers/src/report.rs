//! The table and the verdicts, as text and as markdown.

use std::fmt::Write as _;

use crate::budget::{BUDGETS, Verdict};
use crate::peers::{CONTENDERS, Role};
use crate::row::Row;
use crate::table::{Measured, Table};

const LEGEND: &str = "Medians, in nanoseconds per span (in rows 6, 7, 12 and 13 per stream item). In parentheses: \
                      allocations per iteration (for streams, per 1,000 items).";

/// For a terminal.
pub(crate) fn text(table: &Table) -> String {
    let grid = grid(table);
    let widths: Vec<usize> = (0..grid[0].len())
        .map(|column| grid.iter().map(|line| line[column].len()).max().unwrap_or(0))
        .collect();
    let mut text = format!("{LEGEND}\n\n");
    for line in &grid {
        for (index, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ =
                if index < 2 { write!(text, "{cell:<width$}  ") } else { write!(text, "{cell:>width$}  ") };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    let _ = write!(text, "\n{}{}\n{}", notes(""), weather(table), verdicts(table));
    text
}

/// For the docs.
pub(crate) fn markdown(table: &Table) -> String {
    let grid = grid(table);
    let mut text = format!("{LEGEND}\n\n");
    for (index, line) in grid.iter().enumerate() {
        let _ = writeln!(text, "| {} |", line.join(" | "));
        if index == 0 {
            let alignment = (0..line.len()).map(|column| if column < 2 { "---" } else { "---:" });
            let _ = writeln!(text, "| {} |", alignment.collect::<Vec<_>>().join(" | "));
        }
    }
    let _ = write!(text, "\n{}{}\n```text\n{}```\n", notes("- "), weather(table), verdicts(table));
    text
}

fn grid(table: &Table) -> Vec<Vec<String>> {
    let head = ["#", "work"].into_iter().chain(CONTENDERS.iter().map(|contender| contender.name));
    let head = head.chain(["best peer", "ours / best", "ours / by hand"]).map(str::to_owned);
    let rows = table.rows().map(|row| line(table, row));
    std::iter::once(head.collect()).chain(rows).collect()
}

fn line(table: &Table, row: &Row) -> Vec<String> {
    let mut line = vec![row.id.to_owned(), row.name.to_owned()];
    line.extend(CONTENDERS.iter().map(|contender| table.of(row.id, contender.name).map_or_else(none, cell)));
    let (ours, best) = (table.role(row.id, Role::Ours), table.best_peer(row.id));
    line.push(best.map_or_else(none, |best| best.contender.name.to_owned()));
    line.push(ratio(ours, best));
    line.push(ratio(ours, table.role(row.id, Role::ByHand)));
    line
}

fn none() -> String {
    String::from("-")
}

fn cell(cell: &Measured) -> String {
    if cell.row.threads > 1 {
        return format!("{:.2}x", cell.value);
    }
    let decimals = usize::from(cell.value < 10.0);
    // What is less than a half of one per run is growth of a queue, spread over many runs.
    format!("{:.*} ({:.0})", decimals + 1, cell.value, cell.allocations).replace("(-0)", "(0)")
}

fn ratio(ours: Option<&Measured>, other: Option<&Measured>) -> String {
    match (ours, other) {
        (Some(ours), Some(other)) => format!("{:.2}", ours.value / other.value),
        _ => none(),
    }
}

fn notes(bullet: &str) -> String {
    let mut text = String::new();
    for contender in CONTENDERS {
        let best = if contender.role == Role::LessWork { " (never used as the best peer)" } else { "" };
        let _ = writeln!(text, "{bullet}{}: {}{best}.", contender.name, contender.note);
    }
    text
}

/// Two threads need two cores to themselves. The bare work shares nothing, so it shows whether they had them.
fn weather(table: &Table) -> String {
    match table.role("8n", Role::Floor) {
        Some(bare) if bare.value < 1.8 => format!(
            "\nThe machine was busy: two threads got {:.2} times as much bare work done as one. Rows 8 and 8n say \
             nothing this time.\n",
            bare.value
        ),
        _ => String::new(),
    }
}

fn verdicts(table: &Table) -> String {
    let verdicts = BUDGETS.iter().filter_map(|budget| budget.judge(table));
    verdicts.fold(String::new(), |mut text, verdict: Verdict<'_>| {
        let _ = writeln!(text, "{verdict}");
        text
    })
}
