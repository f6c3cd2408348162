//! Lines that are printed as they happen, while a single request is running.

use super::layout::{Line, MAX_DEPTH, column, write_note};
use super::paint::{Paint, Role};
use super::requests::Request;
use super::span::Span;

/// A span starts. From here on, the columns of its request are to the right of its label too.
pub(super) fn start(span: &Span, request: &mut Request, paint: Paint, out: &mut String) {
    let rails = format!("{}┌ ", rails(span.depth));
    let request_id = if span.parent.is_none() { &*request.id } else { "" };
    let line = Line { request_id, ..Line::new(&rails, Role::Faint, &span.label) };
    request.width = column([request.width, line.label_width()]);
    Line { width: request.width, ..line }.write(paint, out);
}

/// Something happened inside a span.
pub(super) fn note(span: &Span, role: Role, text: &str, paint: Paint, out: &mut String) {
    write_note(paint, &rails(span.depth + 1), role, text, out);
}

/// A span ended. The content of its end is printed above its line, like everything inside it.
pub(super) fn end(span: &Span, width: usize, paint: Paint, out: &mut String) {
    for text in span.end.iter().flat_map(|end| &end.texts) {
        note(span, Role::Plain, text, paint, out);
    }
    let rails = format!("{}└ ", rails(span.depth));
    let role = if span.parent.is_none() { Role::Head } else { Role::Plain };
    let line = Line::new(&rails, role, &span.label).with_end(span.end.as_ref());
    Line { width, ..line }.write(paint, out);
}

fn rails(depth: usize) -> String {
    "│ ".repeat(depth.min(MAX_DEPTH))
}
