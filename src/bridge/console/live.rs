//! Lines that appear while one request runs.

use super::layout::{Line, MAX_DEPTH, column, write_note};
use super::paint::{Paint, Role};
use super::span::Span;
use super::store::Request;

/// A span begins. The columns of its request stand behind its label too, from here on.
pub(super) fn start(span: &Span, request: &mut Request, paint: Paint, out: &mut String) {
    let rails = format!("{}┌ ", rails(span.depth));
    let request_id = if span.parent.is_none() { &*request.id } else { "" };
    let line = Line { request_id, ..Line::new(&rails, Role::Faint, &span.label) };
    request.width = column([request.width, line.label_width()]);
    Line { width: request.width, ..line }.write(paint, out);
}

/// Something happens inside a span.
pub(super) fn note(span: &Span, role: Role, text: &str, paint: Paint, out: &mut String) {
    write_note(paint, &rails(span.depth + 1), role, text, out);
}

/// A span has ended. What the end says stands above it, as all that happens inside.
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
