//! A request's tree, printed as a whole.

use super::layout::{Line, MAX_DEPTH, column, write_note};
use super::paint::{Paint, Role};
use super::requests::Requests;
use super::span::Span;

struct Row<'a> {
    span: &'a Span,
    /// The rails before its own line, and before the lines below it.
    rails: String,
    below: String,
}

/// Prints an outermost span and the spans below it.
pub(super) fn tree(requests: &Requests, root: u64, request_id: &str, paint: Paint, out: &mut String) {
    let rows = rows(requests, root);
    let width = column(rows.iter().map(|row| line(row).label_width()));
    for row in &rows {
        let request_id = if row.rails.is_empty() { request_id } else { "" };
        Line { width, request_id, ..line(row) }.write(paint, out);
        notes(row, paint, out);
    }
}

/// Prints a span whose start was not seen.
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

/// The spans in the order in which they are printed. Without recursion, because a tree may be deep.
fn rows(requests: &Requests, root: u64) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut open = vec![(root, String::new(), String::new())];
    while let Some((id, rails, below)) = open.pop() {
        let Some(span) = requests.span(id) else { continue };
        for (index, child) in span.children.iter().enumerate().rev() {
            let is_last = index + 1 == span.children.len();
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
