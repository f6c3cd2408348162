//! A tree that is printed whole.

use super::layout::{Line, MAX_DEPTH, column, write_note};
use super::paint::{Paint, Role};
use super::span::Span;
use super::store::Store;

struct Row<'a> {
    span: &'a Span,
    /// What stands before it, and before what is below it.
    rails: String,
    below: String,
}

/// Prints an outermost span and what is below it.
pub(super) fn tree(store: &Store, root: u64, request_id: &str, paint: Paint, out: &mut String) {
    let rows = rows(store, root);
    let width = column(rows.iter().map(|row| line(row).label_width()));
    for row in &rows {
        let request_id = if row.rails.is_empty() { request_id } else { "" };
        Line { width, request_id, ..line(row) }.write(paint, out);
        notes(row, paint, out);
    }
}

/// Prints a span of which only the end was seen.
pub(super) fn single(span: &Span, request_id: &str, paint: Paint, out: &mut String) {
    let row = Row { span, rails: String::new(), below: String::new() };
    Line { request_id, ..line(&row) }.write(paint, out);
    notes(&row, paint, out);
}

fn line<'a>(row: &'a Row<'_>) -> Line<'a> {
    let role = if row.rails.is_empty() { Role::Head } else { Role::Plain };
    Line::new(&row.rails, role, &row.span.label).with_end(row.span.end.as_ref())
}

fn notes(row: &Row<'_>, paint: Paint, out: &mut String) {
    let rails = if row.span.children.is_empty() { "  " } else { "│  " };
    let rails = format!("{}{rails}", row.below);
    for (role, text) in row.span.lines() {
        write_note(paint, &rails, role, text, out);
    }
}

/// The spans in the order in which they are printed. Trees may be deep: no recursion.
fn rows(store: &Store, root: u64) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut open = vec![(root, String::new(), String::new())];
    while let Some((id, rails, below)) = open.pop() {
        let Some(span) = store.span(id) else { continue };
        for (place, child) in span.children.iter().enumerate().rev() {
            let is_last = place + 1 == span.children.len();
            let rails = below.clone() + if is_last { "└─ " } else { "├─ " };
            let deeper = if span.depth >= MAX_DEPTH {
                ""
            } else if is_last {
                "   "
            } else {
                "│  "
            };
            open.push((*child, rails, below.clone() + deeper));
        }
        rows.push(Row { span, rails, below });
    }
    rows
}
