use std::fmt::Write as _;
use std::time::Duration;

use super::paint::{Paint, Role};
use super::render::End;
use super::text::Time;

/// The width of rails and label, if none is longer.
pub(super) const LABEL: usize = 36;

/// The largest width of rails and label; a longer label moves its own columns.
const WIDEST: usize = 64;

/// The largest indentation; deeper spans are indented like this one.
pub(super) const MAX_DEPTH: usize = 32;

/// One line of a span: rails, a label, and the columns behind.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) rails: &'a str,
    pub(super) role: Role,
    pub(super) label: &'a str,
    /// The least width of rails and label together.
    pub(super) width: usize,
    pub(super) time: Option<Duration>,
    pub(super) status: Option<(Role, &'a str)>,
    pub(super) details: &'a str,
    pub(super) request_id: &'a str,
}

impl<'a> Line<'a> {
    pub(super) fn new(rails: &'a str, role: Role, label: &'a str) -> Self {
        let (time, status) = (None, None);
        Self { rails, role, label, width: LABEL, time, status, details: "", request_id: "" }
    }

    /// Adds how the span ended, or that it is running.
    pub(super) fn with_end(self, end: Option<&'a End>) -> Self {
        match end {
            None => Self { status: Some((Role::Faint, "running")), ..self },
            Some(end) => Self {
                time: Some(end.duration),
                status: Some((Role::Ended(end.outcome), end.outcome.as_str())),
                details: &end.details,
                ..self
            },
        }
    }

    /// The width of rails and label.
    pub(super) fn label_width(&self) -> usize {
        self.rails.chars().count() + self.label.chars().count()
    }

    pub(super) fn write(&self, paint: Paint, out: &mut String) {
        let time = self.time.map(|time| format!("{:>7}", Time(time))).unwrap_or_default();
        let (role, status) = self.status.unwrap_or((Role::Plain, ""));
        let columns = [
            (Role::Plain, &*time, 7),
            (role, status, 9),
            (Role::Plain, self.details, 0),
            (Role::Faint, self.request_id, 0),
        ];
        // Writing to a String does not fail.
        let _ = write!(out, "{}{}", paint.text(Role::Faint, self.rails), paint.text(self.role, self.label));
        // The padding of a column is written before the next one, so that no line ends in blanks.
        let mut gap = self.width.saturating_sub(self.label_width()) + 2;
        for (role, text, width) in columns {
            if !text.is_empty() {
                let _ = write!(out, "{:gap$}{}", "", paint.text(role, text));
                gap = 0;
            }
            if width > 0 || !text.is_empty() {
                gap += usize::saturating_sub(width, text.chars().count()) + 2;
            }
        }
        out.push('\n');
    }
}

/// The width of a column with labels of these widths.
pub(super) fn column(widths: impl IntoIterator<Item = usize>) -> usize {
    widths.into_iter().max().unwrap_or(LABEL).clamp(LABEL, WIDEST)
}

/// One line without columns.
pub(super) fn write_note(paint: Paint, rails: &str, role: Role, text: &str, out: &mut String) {
    let _ = writeln!(out, "{}{}", paint.text(Role::Faint, rails), paint.text(role, text));
}
