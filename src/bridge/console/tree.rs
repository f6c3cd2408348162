//! A request's tree, printed as a whole.

use std::collections::HashMap;

use super::output::{MAX_DEPTH, Output, column, label_width};
use super::span::Span;
use crate::event::SpanId;

struct Row<'a> {
    span: &'a Span,
    /// The rails before its own line, and before the lines below it.
    rails: String,
    below: String,
}

/// Prints an outermost span and the spans below it.
pub(super) fn print(root: &Span, spans: &HashMap<SpanId, Span>, request_id: &str, out: &mut Output) {
    let rows = rows(root, spans);
    let width = column(rows.iter().map(|row| label_width(&row.rails, &row.span.label)));
    for Row { span, rails, below } in &rows {
        out.end(rails, span, width, if span.parent.is_none() { request_id } else { "" });
        let below = format!("{below}{}", if span.children.is_empty() { "  " } else { "│  " });
        for (role, text) in span.lines() {
            out.note(&below, role, text);
        }
    }
}

/// The spans in the order in which they are printed. Without recursion, because a tree may be deep.
fn rows<'a>(root: &'a Span, spans: &'a HashMap<SpanId, Span>) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    let mut open = vec![Row { span: root, rails: String::new(), below: String::new() }];
    while let Some(row) = open.pop() {
        // The last child is pushed first, so that the first is printed first.
        let children = row.span.children.iter().rev().filter_map(|id| spans.get(id));
        for (index, span) in children.enumerate() {
            let (rail, deeper) = if index == 0 { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let deeper = if row.span.depth < MAX_DEPTH { deeper } else { "" };
            open.push(Row { span, rails: row.below.clone() + rail, below: row.below.clone() + deeper });
        }
        rows.push(row);
    }
    rows
}
