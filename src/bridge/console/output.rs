use std::fmt::Write as _;
use std::io::{self, Write};

use super::role::Role;
use super::span::Span;
use super::text::Time;

/// The width of rails and label, if none is longer.
pub(super) const LABEL: usize = 36;

/// The largest width of rails and label; a longer label moves its own columns.
const WIDEST: usize = 64;

/// The largest indentation; deeper spans are indented like this one.
pub(super) const MAX_DEPTH: usize = 32;

/// Where lines are collected, in colours if they are enabled, and then written.
pub(super) struct Output {
    to: Box<dyn Write + Send>,
    colors: bool,
    text: String,
}

impl Output {
    /// How many bytes are collected before they are written, while more events are queued.
    const BUFFER: usize = 16 * 1024;

    pub(super) fn new(to: Box<dyn Write + Send>, colors: bool) -> Self {
        Self { to, colors, text: String::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.text.len() >= Self::BUFFER
    }

    pub(super) fn write(&mut self) -> io::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let written = self.to.write_all(self.text.as_bytes()).and_then(|()| self.to.flush());
        self.text.clear();
        written
    }

    /// Adds a line without columns.
    pub(super) fn note(&mut self, rails: &str, role: Role, text: &str) {
        self.push(Role::Faint, rails);
        self.push(role, text);
        self.text.push('\n');
    }

    /// Adds the line of a span that starts.
    pub(super) fn start(&mut self, rails: &str, span: &Span, width: usize, request_id: &str) {
        let nothing = (Role::Plain, "");
        self.line(
            rails,
            (Role::Faint, &span.label),
            width,
            [nothing, nothing, nothing, (Role::Faint, request_id)],
        );
    }

    /// Adds the line of a span that has ended, or is still running.
    pub(super) fn end(&mut self, rails: &str, span: &Span, width: usize, request_id: &str) {
        let role = if span.parent.is_none() { Role::Head } else { Role::Plain };
        let time = span.end.as_ref().map(|end| format!("{:>7}", Time(end.duration))).unwrap_or_default();
        let (status, details) = match &span.end {
            Some(end) => ((Role::Ended(end.outcome), end.outcome.as_str()), &*end.details),
            None => ((Role::Faint, "running"), ""),
        };
        let columns = [(Role::Plain, &*time), status, (Role::Plain, details), (Role::Faint, request_id)];
        self.line(rails, (role, &span.label), width, columns);
    }

    /// Adds rails and label, and behind them the time, the status, the details and the request id.
    fn line(&mut self, rails: &str, label: (Role, &str), width: usize, columns: [(Role, &str); 4]) {
        self.push(Role::Faint, rails);
        self.push(label.0, label.1);
        // The padding of a column is written before the next one, so that no line ends in blanks.
        let mut gap = width.saturating_sub(label_width(rails, label.1)) + 2;
        for ((role, text), width) in columns.into_iter().zip([7, 9, 0, 0]) {
            if !text.is_empty() {
                // Writing to a String does not fail.
                let _ = write!(self.text, "{:gap$}", "");
                self.push(role, text);
                gap = 0;
            }
            if width > 0 || !text.is_empty() {
                gap += usize::saturating_sub(width, text.chars().count()) + 2;
            }
        }
        self.text.push('\n');
    }

    fn push(&mut self, role: Role, text: &str) {
        let _ = match role.code().filter(|_| self.colors && !text.is_empty()) {
            Some(code) => write!(self.text, "\x1b[{code}m{text}\x1b[0m"),
            None => self.text.write_str(text),
        };
    }
}

/// The width of rails and a label.
pub(super) fn label_width(rails: &str, label: &str) -> usize {
    rails.chars().count() + label.chars().count()
}

/// The width of a column with labels of these widths.
pub(super) fn column(widths: impl IntoIterator<Item = usize>) -> usize {
    widths.into_iter().max().unwrap_or(LABEL).clamp(LABEL, WIDEST)
}
